-- Finds Nest's frames, `LENGTH#TEXT`, in a string of bytes. The length counts UTF-16 units, so the
-- end of a frame is found by counting (docs/PROTOCOL.md, section 1). Knows neither packets nor
-- Wireshark.

local json = require "nest_json"

local frames = {}

--- What Nest buffers at most, in units; a longer frame is never read.
frames.MAX_UNITS = 134217728

-- White space, a sign, digits, and junk that `parseInt` ignores, but none that JSON is made of.
local HEADER = '^[ \t-\r]*[+-]?(%d+)[^#%[%]{}":,\128-\255]*#()'
local HEADER_CUT = "^[ \t-\r]*[+-]?%d*$"
local MAX_HEADER = 64

--- Returns the length in bytes of the UTF-8 sequence at `at` and its UTF-16 units; nil if the end
--- of the text cuts it. A malformed one is a maximal subpart, which Node decodes to one U+FFFD.
local function sequence(text, at)
    local lead, second = text:byte(at, at + 1)
    if lead < 0x80 then
        return 1, 1
    elseif lead < 0xC2 or lead > 0xF4 then
        return 1, 1
    end
    local length = lead < 0xE0 and 2 or lead < 0xF0 and 3 or 4
    local low = lead == 0xE0 and 0xA0 or lead == 0xF0 and 0x90 or 0x80
    local high = lead == 0xED and 0x9F or lead == 0xF4 and 0x8F or 0xBF
    if not second then
        return nil
    elseif second < low or second > high then
        return 1, 1
    end
    for index = 2, length - 1 do
        local byte = text:byte(at + index)
        if not byte then
            return nil
        elseif byte < 0x80 or byte > 0xBF then
            return index, 1
        end
    end
    return length, length == 4 and 2 or 1
end

--- Skips `wanted` units from `at`, but not beyond `last`. Returns the position reached, the number
--- of units still wanted (-1 if the length cuts a surrogate pair), and the number of characters.
local function skip_units(text, at, wanted, last)
    local characters = 0
    while wanted > 0 and at <= last do
        local run = (text:find("[\128-\255]", at) or last + 1) - at
        run = math.min(run, wanted, last + 1 - at)
        if run > 0 then
            at, wanted, characters = at + run, wanted - run, characters + run
        else
            local length, units = sequence(text, at)
            if not length then
                break
            end
            at, wanted, characters = at + length, wanted - units, characters + 1
        end
    end
    return at, wanted, characters
end

local function is_json(text)
    local after = json.value_end(text, json.skip_space(text, 1))
    return after ~= nil and json.skip_space(text, after) > #text
end

--- Returns the position after the JSON if it has as many bytes as `length` says.
local function end_in_bytes(text, body, length)
    -- A look at the last byte saves reading long texts again and again.
    local after = text:find("^[%]}]", body + length - 1) and json.value_end(text, body)
    return after == body + length and after or nil
end

--- Returns the position after the JSON if it has as many characters as `length` says.
local function end_in_characters(text, body, length)
    local after = json.value_end(text, body) or body
    local _, _, characters = skip_units(text, body, #text, after - 1)
    return characters == length and after or nil
end

--- Looks for the two mistakes that other implementations make: a length in bytes or in characters.
--- `left` is the number of units that the text lacks. Returns the position after the JSON and what
--- was counted.
local function miscounted(text, body, length, left)
    if not text:find("[\128-\255]", body) then
        -- Of ASCII, all counts are the same.
        return nil
    end
    local after = end_in_bytes(text, body, length)
    if after then
        return after, "bytes"
    end
    -- There are never more characters than units.
    after = left <= 0 and end_in_characters(text, body, length)
    return after or nil, "characters"
end

--- Returns the length in the header that begins at `at` and the position after its `#`. Returns nil
--- if there is no header, and nil and true if the end of the text cuts it.
local function read_header(text, at)
    local head = text:sub(at, at + MAX_HEADER)
    local digits, body = head:match(HEADER)
    if digits then
        return tonumber(digits), at + body - 1
    end
    return nil, #head <= MAX_HEADER and head:find(HEADER_CUT) ~= nil
end

--- Returns what `skip_units` does for the frame's text. `progress` is what an earlier call made of
--- the beginning of the same frame: without it a long frame would be counted again from its start
--- with each segment that comes.
local function count(text, at, frame, progress)
    local from, wanted = frame.body, frame.length
    if progress and text:sub(at, at + #progress.counted - 1) == progress.counted then
        from, wanted = at + #progress.counted, progress.left
    end
    return skip_units(text, from, wanted, #text)
end

--- Finds the end of a frame whose text may be whole.
local function measure_text(text, at, frame, progress)
    local after, left = count(text, at, frame, progress)
    if left == 0 and is_json(text:sub(frame.body, after - 1)) then
        frame.after = after
        return
    end
    local really_after, counted = miscounted(text, frame.body, frame.length, left)
    if really_after then
        frame.after, frame.counted = really_after, counted
    elseif left > 0 then
        frame.incomplete, frame.progress = true, { counted = text:sub(at, after - 1), left = left }
    else
        frame.after = after
        frame.broken = left == 0 and "not JSON" or "the length cuts a surrogate pair"
    end
end

--- Reads a frame as `frames.read` does, but takes the word of a broken one's header for its end.
local function measure(text, at, progress)
    local length, body = read_header(text, at)
    if not length then
        return body and { incomplete = true } or nil
    end
    local frame = { body = body, length = length, counted = "units" }
    if length == 0 or length > frames.MAX_UNITS then
        frame.after = body
        frame.broken = length == 0 and "a length of 0" or "longer than what Nest buffers"
    elseif #text + 1 - body < length then
        -- A unit has a byte at least.
        frame.incomplete = true
    else
        measure_text(text, at, frame, progress)
    end
    return frame
end

--- Returns where a frame begins after `at`, in text that does not begin with one: digits and a `#`
--- between JSON's brackets, with a text that is JSON or is cut. Returns nil if there is none.
function frames.resume(text, at)
    while true do
        local header, body = text:match("[%]}]()%d+#[ \t\n\r]*()[%[{]", at)
        if not header then
            return nil
        end
        local frame = measure(text, header)
        if frame and not frame.broken then
            return header
        end
        at = body
    end
end

--- Returns the frame whose header begins at `at`:
---   `body`, `after`  positions of the text's first byte and of the byte after the text
---   `length`         what the header says
---   `counted`        what was counted: "units", as Nest does, "bytes" or "characters"
---   `broken`         why Nest does not accept the frame; nil if it does, or would if it counted so
---   `incomplete`     instead of `after`: the end of the text cuts the frame
---   `progress`       of an incomplete frame: to be given back when more of it has come
--- Returns nil if no header is there, and no `body` if the end of the text cuts the header.
function frames.read(text, at, progress)
    local frame = measure(text, at, progress)
    if frame and frame.broken then
        -- The length is not to be trusted: if it is too great, the next frame begins before its
        -- end.
        local next_frame = frames.resume(text, frame.body)
        frame.after = math.min(frame.after, next_frame or frame.after)
    end
    return frame
end

--- Returns the number of units of a text.
function frames.units(text)
    local _, left = skip_units(text, 1, #text, #text)
    return #text - left
end

--- Returns true if the bytes of a segment can only be Nest's: a header with JSON behind it, a
--- header alone, or, if the segment begins inside a frame, a whole frame behind that.
function frames.has_one(text)
    if text:find("^%d+#[ \t\n\r]*[%[{]") or text:find("^%d%d+#$") then
        return true
    end
    local header = frames.resume(text, 1)
    return header ~= nil and not measure(text, header).incomplete
end

return frames
