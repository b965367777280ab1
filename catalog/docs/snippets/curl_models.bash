curl {{ openai_base_url }}/models
