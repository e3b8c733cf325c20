"""The embedded engine: llama.cpp's own server, from the `xllamacpp` wheel, on a Unix socket.

Run by the supervisor as `python -m udfs.engine.llamacpp_server`; it serves until it is killed.
"""

import argparse
import os
import signal

HTTP_THREADS_PER_SLOT = 8  # tasks keep two requests per slot under way, and one chunk more each


def main() -> None:
    """Serve one GGUF model in the OpenAI API."""
    options = parse_arguments()
    # Imported here: the wheel is an extra, and only this process needs it.
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = options.model
    params.model_alias = {options.name}
    params.hostnames = [options.socket]
    params.n_parallel = options.slots
    params.n_ctx = options.slots * options.slot_context
    params.endpoint_metrics = True
    # A waiting request holds a thread: with fewer threads than clients, /health waits behind them
    # and a working engine is taken for dead (measured: 18 threads, 32 requests).
    params.n_threads_http = HTTP_THREADS_PER_SLOT * options.slots
    params.cpuparams.n_threads = os.cpu_count() or 1
    # Off unless a request asks for them: a dialogue's identity names all that shaped it.
    params.sampling.top_k = 0
    params.sampling.min_p = 0.0
    server = xllamacpp.Server(params)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    del server


def parse_arguments() -> argparse.Namespace:
    """The command line of the recipe `llamacpp`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="path of a GGUF file")
    parser.add_argument("--name", required=True, help="name that requests ask for")
    parser.add_argument("--socket", required=True, help="path of the Unix socket")
    parser.add_argument("--slots", type=int, required=True, help="requests at once")
    parser.add_argument("--slot-context", type=int, required=True, help="tokens per request")
    return parser.parse_args()


if __name__ == "__main__":
    main()
