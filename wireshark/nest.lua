-- A dissector for the TCP transport of NestJS microservices. It finds frames on any port, says what
-- each packet is, and joins requests and replies. The rules are in docs/PROTOCOL.md; how to install
-- and use it is in README.md beside this file.

local frames = require "nest_frames"
local packet = require "nest_packet"
local calls = require "nest_calls"

local nest = Proto("nest", "NestJS microservice TCP transport")

local length = ProtoField.uint32("nest.length", "Length in the header", base.DEC, nil, nil, "UTF-16 units, as declared")
local units = ProtoField.uint32("nest.units", "UTF-16 units", base.DEC, nil, nil, "Units that the text really has")
local bytes = ProtoField.uint32("nest.bytes", "Bytes", base.DEC, nil, nil, "Bytes of the text")
local byte_counted = ProtoField.bool("nest.byte_counted", "Length counts bytes")
local kind = ProtoField.string("nest.kind", "Kind")
local pattern = ProtoField.string("nest.pattern", "Pattern", base.UNICODE, "The route; of a reply, its request's")
local id = ProtoField.string("nest.id", "Id", base.UNICODE)
local data = ProtoField.string("nest.data", "Data", base.UNICODE, "What is sent, returned or thrown, as JSON")
local text = ProtoField.string("nest.text", "Text", base.UNICODE, "The whole JSON")
local response_in = ProtoField.framenum("nest.response_in", "Response in", base.NONE, frametype.RESPONSE)
local request_in = ProtoField.framenum("nest.request_in", "Request in", base.NONE, frametype.REQUEST)
local time = ProtoField.relative_time("nest.time", "Time since the request")
local skipped = ProtoField.uint32("nest.skipped", "Bytes outside of frames")
nest.fields = {
    length, units, bytes, byte_counted, kind, pattern, id, data, text, response_in, request_in, time, skipped,
}

local function warning(name, words, severity)
    return ProtoExpert.new("nest." .. name, words, expert.group.PROTOCOL, severity)
end
local counts_bytes = warning("counts_bytes", "The length counts bytes", expert.severity.WARN)
local counts_characters = warning("counts_characters", "The length counts characters", expert.severity.WARN)
local broken = warning("broken", "Nest closes the connection at this frame", expert.severity.ERROR)
local cut = warning("cut", "The rest of the frame was not captured", expert.severity.WARN)
local no_frame = warning("no_frame", "Bytes outside of frames", expert.severity.NOTE)
nest.experts = { counts_bytes, counts_characters, broken, cut, no_frame }

-- How far the frames are counted whose rest has not come, by their sender and receiver.
local progress = {}

local MISCOUNTED = {
    bytes = { counts_bytes, "The length counts bytes: Nest waits for more, and closes at the next frame" },
    characters = { counts_characters, "The length counts characters: Nest takes too little, and closes" },
}

local function add_generated(item, field, value)
    item:add(field, value):set_generated()
end

local function add_call(item, pinfo, seen)
    local call = calls.note(pinfo, seen)
    if not call then
        return
    elseif seen.kind == "request" then
        if call.response_in then
            add_generated(item, response_in, call.response_in)
        end
        return
    end
    if call.pattern then
        seen.pattern = call.pattern
        add_generated(item, pattern, call.pattern)
    end
    add_generated(item, request_in, call.request_in)
    local nanoseconds = math.floor((pinfo.rel_ts - call.time) * 1e9 + 0.5)
    local seconds = math.floor(nanoseconds / 1e9)
    add_generated(item, time, NSTime.new(seconds, nanoseconds - seconds * 1e9))
end

--- Adds what a packet says. Returns the words for the Info column.
local function add_packet(item, range, pinfo, frame_text)
    local seen = packet.read(frame_text, calls.side(pinfo))
    item:add(kind, range, seen.kind)
    if seen.pattern then
        item:add(pattern, range, seen.pattern)
    end
    if seen.id then
        item:add(id, range, seen.id)
    end
    add_call(item, pinfo, seen)
    if seen.data then
        item:add(data, range, seen.data)
    end
    local words = { seen.kind }
    words[#words + 1] = seen.pattern
    words[#words + 1] = seen.id
    return table.concat(words, " ")
end

local function add_counts(item, header, frame, frame_text)
    add_generated(item, units, frames.units(frame_text))
    add_generated(item, bytes, #frame_text)
    local counted = item:add(byte_counted, header, frame.counted == "bytes"):set_generated()
    if frame.counted ~= "bytes" then
        counted:set_hidden()
    end
    local mistake = MISCOUNTED[frame.counted]
    if mistake then
        item:add_proto_expert_info(mistake[1], mistake[2])
    end
end

--- Adds a frame that begins at `at`. Returns the words for the Info column.
local function add_frame(tvb, pinfo, tree, content, at, frame)
    local after = frame.after or #content + 1
    local item = tree:add(nest, tvb(at - 1, after - at))
    local header, body = tvb(at - 1, frame.body - at), tvb(frame.body - 1, after - frame.body)
    local frame_text = content:sub(frame.body, after - 1)
    item:add(length, header, frame.length)
    item:add(text, body, frame_text)
    if not frame.incomplete then
        add_counts(item, header, frame, frame_text)
    end
    local words
    if frame.broken then
        words = "broken"
        item:add(kind, header, words)
        item:add_proto_expert_info(broken, "Nest closes the connection at this frame: " .. frame.broken)
    elseif frame.incomplete then
        words = "frame that was cut"
        item:add_proto_expert_info(cut)
    else
        words = add_packet(item, body, pinfo, frame_text)
    end
    item:append_text(", " .. words)
    return words
end

local function add_skipped(tvb, tree, from, to)
    local range = tvb(from - 1, to - from)
    local item = tree:add(nest, range, "Nest, bytes outside of frames")
    item:add(skipped, range, to - from)
    item:add_proto_expert_info(no_frame,
        "Not the beginning of a frame: the capture begins inside one, bytes are missing, or the framing is broken")
    return ("%d bytes outside of frames"):format(to - from)
end

--- Asks TCP to call again, with the bytes from `at` on and the next segment. How many bytes a frame
--- lacks is not known, since its length is not in bytes; and TCP does not extend a wait for a
--- number of bytes that turns out to be too low.
local function wait_for_more(pinfo, at)
    pinfo.desegment_offset = at - 1
    pinfo.desegment_len = DESEGMENT_ONE_MORE_SEGMENT
end

local function show_in_columns(pinfo, all_words)
    pinfo.cols.protocol:set("Nest")
    if #all_words > 0 then
        pinfo.cols.info:set(table.concat(all_words, ", "))
        -- TCP may call once more for the same packet: what then is said follows.
        pinfo.cols.info:fence()
    end
end

local function dissect(tvb, pinfo, tree)
    local content, at, all_words = tvb:raw(), 1, {}
    local sender = ("%s:%d %s:%d"):format(pinfo.src, pinfo.src_port, pinfo.dst, pinfo.dst_port)
    local may_wait = pinfo.can_desegment > 0 and tvb:reported_len() == #content
    while at <= #content do
        local frame = frames.read(content, at, progress[sender])
        progress[sender] = frame and frame.progress
        if frame and frame.incomplete and may_wait then
            wait_for_more(pinfo, at)
            break
        elseif frame and frame.body then
            all_words[#all_words + 1] = add_frame(tvb, pinfo, tree, content, at, frame)
            at = frame.after or #content + 1
        else
            local to = not frame and frames.resume(content, at) or #content + 1
            all_words[#all_words + 1] = add_skipped(tvb, tree, at, to)
            at = to
        end
    end
    show_in_columns(pinfo, all_words)
    return tvb:len()
end

function nest.init()
    progress = {}
    calls.reset()
end

nest.dissector = dissect

-- The heuristics call `dissect` itself: called through Wireshark, it could not wait for more.
nest:register_heuristic("tcp", function(tvb, pinfo, tree)
    if not frames.has_one(tvb:raw()) then
        return false
    end
    -- From here on the connection is Nest's, also where a segment begins inside a frame.
    pinfo.conversation = nest
    dissect(tvb, pinfo, tree)
    return true
end)

-- Inside TLS the conversation stays TLS's: each record is looked at.
nest:register_heuristic("tls", function(tvb, pinfo, tree)
    if not frames.has_one(tvb:raw()) then
        return false
    end
    dissect(tvb, pinfo, tree)
    return true
end)

DissectorTable.get("tcp.port"):add_for_decode_as(nest)
