"""A SIP gateway of one machine: a call by SIP and RTP is a participant of kind `sip` of a LiveKit room.

It does what livekit-sip does where an agent notices: identity, name and attributes, keys as DTMF packets, the call's
status as an attribute, subscription once the call is answered, BYE for who leaves and leaving for a BYE. It is told by
lines of JSON on stdin and tells by lines of JSON on stdout; argv[1] is its configuration.
"""
import asyncio
import json
import sys

from livekit import api, rtc
from opensip import Account, UserAgent
from opensip.exceptions import OpenSIPError

config = json.loads(sys.argv[1])
keys = {**{str(i): i for i in range(10)}, "*": 10, "#": 11, "A": 12, "B": 13, "C": 14, "D": 15}


def tell(event, **facts):
    print(json.dumps({"event": event, **facts}), flush=True)


class Agent(UserAgent):
    """The package's own keeps to itself that the other side rings."""

    ringing = None

    def _dispatch_response(self, response, source):
        if response.status_code in (180, 183) and self.ringing is not None:
            self.ringing(response.call_id)
        super()._dispatch_response(response, source)


class Leg:
    """One call and its participant."""

    def __init__(self, number, room, direction):
        self.number, self.name, self.direction = number, room, direction
        self.room = rtc.Room()
        self.call = None
        self.over = asyncio.Event()
        self.agent = asyncio.Event()
        self.tasks = set()
        self.tracks = []
        self.room.on("participant_connected", lambda p: tell("joined", room=room, identity=p.identity))
        self.room.on("participant_disconnected", lambda p: tell("left", room=room, identity=p.identity))
        self.room.on("track_published", lambda publication, _: self.tracks.append(publication))
        self.room.on("track_subscribed", self.subscribed)
        self.room.on("disconnected", lambda _: self.spawn(self.end("room")))
        self.room.on("sip_dtmf_received", lambda packet: self.spawn(self.dial_keys(packet.digit)))

    def spawn(self, work):
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def dial_keys(self, digits):
        tell("dtmf", room=self.name, digits=digits)
        if self.call is not None and self.call.is_active:
            await self.call.send_dtmf(digits)

    def subscribed(self, track, publication, participant):
        if track.kind != rtc.TrackKind.KIND_AUDIO:
            return
        self.agent.set()
        self.spawn(self.to_phone(track))

    async def to_phone(self, track):
        async for event in rtc.AudioStream(track, sample_rate=8000, num_channels=1):
            if self.call is not None:
                self.call.write_pcm(bytes(event.frame.data))

    async def join(self, status, subscribes):
        attributes = {
            "sip.callID": f"SCL_{id(self):x}",
            "sip.callStatus": status,
            "sip.phoneNumber": self.number,
            "sip.hostname": "127.0.0.1",
            "sip.trunkID": "ST_1",
            "sip.trunkPhoneNumber": "+15550001111",
            **({"sip.ruleID": "SDR_1"} if self.direction == "inbound" else {}),
        }
        dispatch = api.RoomConfiguration(agents=[api.RoomAgentDispatch(agent_name=config["agent"])])
        grants = api.VideoGrants(room_join=True, room=self.name, can_update_own_metadata=True)
        token = api.AccessToken(config["key"], config["secret"]).with_identity(f"sip_{self.number}")
        token = token.with_name(f"Phone {self.number}").with_kind("sip").with_attributes(attributes)
        token = token.with_grants(grants).with_room_config(dispatch)
        await self.room.connect(config["url"], token.to_jwt(), options=rtc.RoomOptions(auto_subscribe=subscribes))
        tell("room", room=self.name, identity=f"sip_{self.number}")

    async def status(self, status, code=None):
        changes = {"sip.callStatus": status}
        if code is not None:
            changes["sip.callStatusCode"] = str(code)
        await self.room.local_participant.set_attributes(changes)

    async def microphone(self):
        self.source = rtc.AudioSource(8000, 1, queue_size_ms=200)
        track = rtc.LocalAudioTrack.create_audio_track("sip-audio", self.source)
        options = rtc.TrackPublishOptions()
        options.source = rtc.TrackSource.SOURCE_MICROPHONE
        options.dtx = False
        await self.room.local_participant.publish_track(track, options)

    async def bridge(self):
        """From the answer on: audio and keys of the phone, until either side ends it."""
        pcm = asyncio.Queue()
        self.call.on_pcm(pcm.put_nowait)
        self.call.on_dtmf(lambda digit: self.spawn(self.send(digit)))

        async def up():
            while True:
                samples = await pcm.get()
                await self.source.capture_frame(rtc.AudioFrame(samples, 8000, 1, len(samples) // 2))

        self.spawn(up())
        await self.call.wait_ended()
        await self.end("phone")

    async def send(self, digits):
        tell("key", room=self.name, digit=digits)
        await self.room.local_participant.publish_dtmf(code=keys.get(digits[0], 0), digit=digits)

    async def end(self, why):
        if self.over.is_set():
            return
        self.over.set()
        tell("ended", room=self.name, by=why)
        if self.call is not None and self.call.state not in ("ended", "failed"):
            await self.call.hangup()
        await self.room.disconnect()
        for task in list(self.tasks):
            if task is not asyncio.current_task():
                task.cancel()


class Gateway:
    def __init__(self):
        self.calls = 0
        self.legs = {}
        self.agent = Agent(local_addr=("127.0.0.1", config["port"]), rtp_port_range=tuple(config["rtp"]))
        self.account = Account(username="desk", domain="127.0.0.1", password="", server=("127.0.0.1", config["port"]))
        self.agent._accounts.append(self.account)
        self.agent.on_incoming_call(self.rung)
        self.work = set()

    def spawn(self, work):
        task = asyncio.get_running_loop().create_task(work)
        self.work.add(task)
        task.add_done_callback(self.work.discard)

    async def rung(self, call):
        self.spawn(self.inbound(call))

    async def inbound(self, call):
        self.calls += 1
        number = call.remote_uri.user or "anonymous"
        leg = Leg(number, f"call-{number}-{config['run']}-{self.calls}", "inbound")
        self.legs[leg.name] = leg
        leg.call = call
        # The package sends a BYE to its account's server: here that is who has called.
        call.account = Account(username="desk", domain="127.0.0.1", password="", server=call.source)
        await leg.join("active", True)
        await leg.microphone()
        # The line is answered once there is somebody to talk to, or at once.
        if not config["atOnce"]:
            await asyncio.wait_for(leg.agent.wait(), 30)
        await call.answer()
        await call.wait_answered(10)
        tell("answered", room=leg.name)
        await leg.bridge()

    async def outbound(self, number, room, port):
        leg = Leg(number, room, "outbound")
        self.legs[room] = leg
        await leg.join("dialing", False)
        await leg.microphone()
        rings = asyncio.Event()
        self.agent.ringing = lambda _: rings.set()

        async def ring():
            await rings.wait()
            tell("ringing", room=room)
            await leg.status("ringing")

        leg.spawn(ring())
        line = Account(username="desk", domain="127.0.0.1", password="", server=("127.0.0.1", port))
        try:
            leg.call = await self.agent.invite(line, f"sip:{number}@127.0.0.1:{port}")
        except OpenSIPError as refusal:
            code = str(refusal).split(" ")[0]
            tell("refused", room=room, code=code)
            await leg.status("hangup", code if code.isdigit() else 408)
            await asyncio.sleep(0.3)
            return await leg.end("phone")
        await leg.status("active")
        tell("answered", room=room)
        for publication in leg.tracks:
            publication.set_subscribed(True)
        leg.room.on("track_published", lambda publication, _: publication.set_subscribed(True))
        await leg.bridge()

    async def told(self, line):
        command = json.loads(line)
        if command["do"] == "dial":
            self.spawn(self.outbound(command["number"], command["room"], command["port"]))
        elif command["do"] == "packet":
            await self.legs[command["room"]].send(command["digits"])

    async def run(self):
        await self.agent.start()
        tell("up")
        lines = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        # Whoever has started it closes its stdin, or has ended.
        while line := await lines.readline():
            await self.told(line)
        for leg in list(self.legs.values()):
            await leg.end("gateway")
        await self.agent.stop()


asyncio.run(Gateway().run())
