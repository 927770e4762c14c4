"""Pipecat behind the same carrier: the same Silero at 8 kHz, the same turns of 500 ms, providers that take no time.

Its port is told on standard output. Needs pipecat-ai, fastapi and uvicorn.
"""

import asyncio
import json
import math
import socket
import struct
import sys

from loguru import logger

logger.remove()

import uvicorn
from fastapi import FastAPI, Response, WebSocket
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

RATE = 8000
# 1.5 seconds of a tone, at the rate of the telephone: it has nothing to resample.
REPLY = b"".join(struct.pack("<h", round(8000 * math.sin(2 * math.pi * 440 * i / RATE))) for i in range(12_000))


class Ears(SegmentedSTTService):
    async def run_stt(self, audio):
        yield TranscriptionFrame(text="Hello.", user_id="caller", timestamp="", finalized=True)


class Mind(FrameProcessor):
    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            return await self.push_frame(frame, direction)
        await self.push_frame(LLMFullResponseStartFrame())
        await self.push_frame(LLMTextFrame("Yes."))
        await self.push_frame(LLMFullResponseEndFrame())


class Voice(TTSService):
    async def run_tts(self, text, context_id):
        yield TTSAudioRawFrame(audio=REPLY, sample_rate=RATE, num_channels=1, context_id=context_id)


app = FastAPI()
url = ""


@app.post("/call")
async def announced():
    return Response(f'<Response><Connect><Stream url="{url}"/></Connect></Response>', media_type="text/xml")


@app.websocket("/call/stream")
async def stream(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive_text()
    start = json.loads(await websocket.receive_text())["start"]
    serializer = TwilioFrameSerializer(
        stream_sid=start["streamSid"],
        call_sid=start["callSid"],
        params=TwilioFrameSerializer.InputParams(auto_hang_up=False),
    )
    transport = FastAPIWebsocketTransport(
        websocket=websocket,
        params=FastAPIWebsocketParams(audio_in_enabled=True, audio_out_enabled=True, serializer=serializer),
    )
    turns = UserTurnStrategies(
        start=[VADUserTurnStartStrategy()],
        stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.3)],
    )
    aggregators = LLMContextAggregatorPair(
        LLMContext([{"role": "system", "content": "Say yes."}]),
        user_params=LLMUserAggregatorParams(
            user_turn_strategies=turns,
            vad_analyzer=SileroVADAnalyzer(params=VADParams(stop_secs=0.2)),
        ),
    )
    pipeline = Pipeline([
        transport.input(),
        Ears(ttfs_p99_latency=0),
        aggregators.user(),
        Mind(),
        Voice(sample_rate=RATE, push_start_frame=True, push_stop_frames=True),
        transport.output(),
        aggregators.assistant(),
    ])
    worker = PipelineWorker(
        pipeline,
        params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
        idle_timeout_secs=None,
        enable_rtvi=False,
    )
    runner = WorkerRunner(handle_sigint=False)

    @transport.event_handler("on_client_disconnected")
    async def gone(transport, client):
        await worker.cancel()

    await runner.add_workers(worker)
    await runner.run()


async def main():
    global url
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    url = f"ws://127.0.0.1:{port}/call/stream"
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    print(json.dumps({"port": port}), flush=True)
    await server.serve(sockets=[listening])


asyncio.run(main())
