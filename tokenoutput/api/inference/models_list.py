"""The list of models in the shapes that SDKs expect."""

from typing import Final

from tokenoutput.api.inference.shapes import BOOLEAN, COUNT, STRING, Schema, array, either, nullable, record, ref

COMPONENTS: Final[dict[str, Schema]] = {
    "OpenAIModel": record(
        ["id", "object", "created", "owned_by"],
        id=STRING,
        object={"const": "model"},
        created=COUNT,
        owned_by=STRING,
        context_length=COUNT,
        max_output_tokens=COUNT,
    ),
    "AnthropicModel": record(
        ["type", "id", "display_name", "created_at"],
        type={"const": "model"},
        id=STRING,
        display_name=STRING,
        created_at=STRING | {"format": "date-time"},
    ),
    "OpenAIModels": record(["object", "data"], object={"const": "list"}, data=array(ref("OpenAIModel"))),
    "AnthropicModels": record(
        ["data", "has_more", "first_id", "last_id"],
        data=array(ref("AnthropicModel")),
        has_more=BOOLEAN,
        first_id=nullable(STRING),
        last_id=nullable(STRING),
    ),
}
LIST: Final = either(ref("OpenAIModels"), ref("AnthropicModels"))
ONE: Final = either(ref("OpenAIModel"), ref("AnthropicModel"))
