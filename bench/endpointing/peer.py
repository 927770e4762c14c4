"""What Pipecat's own default does with the turns of a folder that prepare.ts has made: python peer.py FOLDER [set].

Its model, its feature code and its rule: its own Silero says when somebody has been
silent for `stop_secs` of VADParams, then LocalSmartTurnAnalyzerV3 is asked once; what
it does not take for an end is over after `stop_secs` of the analyser. Waits and pauses are
counted as in endpointing.ts. Needs pipecat-ai with onnxruntime. Run by hand; prints JSON.
"""
import asyncio, json, os, sys, wave

import numpy as np
from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams, VADState

RATE, FRAME, LONGEST = 16000, 320, 4.0


def load(path):
    with wave.open(path) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)


async def hold(row, folder, analyzer):
    samples = load(os.path.join(folder, row["audio"]["path"]))
    end = row["silence_spans"][-1]["start"]
    last = int((end + LONGEST) * RATE)
    samples = np.concatenate([samples[: int((end + 0.2) * RATE)], np.zeros(last, dtype=np.int16)])[:last]
    vad = SileroVADAnalyzer(sample_rate=RATE, params=VADParams())
    vad.set_sample_rate(RATE)
    analyzer.clear()
    analyzer.set_sample_rate(RATE)
    # Its buffer is kept by the wall clock: here time is that of the audio.
    import pipecat.audio.turn.smart_turn.base_smart_turn as base

    now = 0.0
    base.time.monotonic = lambda: now
    commits, speaking = [], False
    for at in range(0, len(samples) - FRAME + 1, FRAME):
        frame = samples[at : at + FRAME].tobytes()
        now = (at + FRAME) / RATE
        state = await vad.analyze_audio(frame)
        if state == VADState.SPEAKING:
            speaking = True
        quiet = speaking and state == VADState.QUIET
        over = analyzer.append_audio(frame, state in (VADState.SPEAKING, VADState.STOPPING)) == EndOfTurnState.COMPLETE
        if quiet:
            speaking = False
            verdict, _ = await analyzer.analyze_end_of_turn()
            over = over or verdict == EndOfTurnState.COMPLETE
        if over:
            commits.append(now)
    spans = row["silence_spans"][:-1]
    spans = [span for span in spans if span["end"] - span["start"] >= 0.1]
    cuts = [any(span["start"] <= at < span["end"] + 0.15 for at in commits) for span in spans]
    wait = next((at for at in commits if at >= end), end + LONGEST) - end
    return cuts, wait


async def main():
    folder, name = sys.argv[1], (sys.argv[2:] or ["acted"])[0]
    rows = [json.loads(line) for line in open(os.path.join(folder, name + ".jsonl"))]
    analyzer = LocalSmartTurnAnalyzerV3(params=SmartTurnParams())
    cuts, waits = [], []
    for row in rows:
        cut, wait = await hold(row, folder, analyzer)
        cuts += cut
        waits.append(wait)
    print(json.dumps({
        "bench": "pipecat", "set": name, "turns": len(rows), "pauses": len(cuts),
        "cuts": round(float(np.mean(cuts)), 3), "waitMs": round(1000 * float(np.mean(waits))),
        "p50Ms": round(1000 * float(np.median(waits))),
    }))


asyncio.run(main())
