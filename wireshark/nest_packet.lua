-- Says what a frame's text is to Nest: a request, an event, or one of the replies, and which
-- pattern, id and payload it has (docs/PROTOCOL.md, sections 2 and 5). Knows neither frames nor
-- Wireshark.

local json = require "nest_json"

local packet = {}

local NO_HANDLER = "There is no matching message handler defined in the remote service."
local FALSY = { ["false"] = true, ["null"] = true, ["0"] = true, ["-0"] = true, ['""'] = true }
local REPLY_KEYS = { id = true, err = true, response = true, isDisposed = true, status = true }

-- ICU's order of ASCII, in which Nest sorts the keys of a pattern. Case counts only between keys
-- that are the same without it, and lower case comes first.
local ORDER = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz"
local MAX_DEPTH = 5
local MAX_KEYS = 20

local function weights(key)
    return (key:lower():gsub("[\33-\126]", function(letter)
        return string.char((ORDER:find(letter, 1, true)))
    end))
end

local function comes_before(one, other)
    local first, second = weights(one.key), weights(other.key)
    if first == second then
        -- In ASCII, upper case has the lower codes.
        return one.key > other.key
    end
    return first < second
end

local function quoted(text)
    return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
end

--- Spells a number as JavaScript does, but leaves those alone that are very long or very small.
local function number(text)
    local value = tonumber(text)
    for digits = 15, 17 do
        local short = ("%." .. digits .. "g"):format(value)
        if tonumber(short) == value and not short:find("e") then
            return short == "-0" and "0" or short
        end
    end
    return text
end

local route_of

local function route_of_members(text, from, depth)
    if depth > MAX_DEPTH then
        return "[MAX_DEPTH_REACHED]"
    end
    local members, parts = json.members(text, from), {}
    if #members > MAX_KEYS then
        return "[TOO_MANY_KEYS]"
    end
    table.sort(members, comes_before)
    for index, member in ipairs(members) do
        local value = route_of(text, member.from, member.to, depth + 1)
        if text:sub(member.from, member.from) == '"' then
            value = quoted(value)
        end
        parts[index] = quoted(member.key) .. ":" .. value
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

function route_of(text, from, to, depth)
    local value = text:sub(from, to)
    if value:find("^[{%[]") then
        return route_of_members(text, from, depth)
    elseif value:find('^"') then
        return json.string(value)
    end
    return value:find("^[-%d]") and number(value) or value
end

--- Returns the route of the pattern from `from` to `to`. A string that is itself JSON is read
--- again, as services do.
local function route(text, from, to)
    local spelled = route_of(text, from, to, 0)
    if text:sub(from, from) ~= '"' then
        return spelled
    end
    local first = json.skip_space(spelled, 1)
    local after = spelled:find('^[{%["%d-]', first) and json.value_end(spelled, first)
    if after and json.skip_space(spelled, after) > #spelled then
        return route_of(spelled, first, after - 1, 0)
    end
    return spelled
end

local function read_members(text)
    local found, foreign, count = {}, false, 0
    local first = json.skip_space(text, 1)
    if text:sub(first, first) ~= "{" then
        return found, true
    end
    for _, member in ipairs(json.members(text, first)) do
        found[member.key] = member
        foreign = foreign or not REPLY_KEYS[member.key]
        count = count + 1
    end
    return found, foreign or count == 0
end

--- Returns which side must have written a packet with these members; nil if either may have.
local function author(found)
    local replies = found.response or found.err or found.isDisposed
    local asks = found.pattern
    if asks and not replies then
        return "caller"
    elseif replies and not asks then
        return "service"
    end
    return nil
end

local function reply_kind(value, found)
    local err = value(found.err)
    if err and not FALSY[err] then
        local is_text = err:sub(1, 1) == '"'
        if is_text and json.string(err) == NO_HANDLER then
            return "no handler", nil
        end
        return "error", found.err
    end
    local disposed = value(found.isDisposed)
    if not disposed or FALSY[disposed] then
        return "value", found.response
    end
    return found.response and "last value" or "completion", found.response
end

--- Reads a frame's text, which is JSON. `side` is "caller", "service", or nil if nobody knows yet.
---   `kind`     as in the specification's table of packets, in words
---   `side`     the side that wrote it, if the packet says so by itself
---   `pattern`  the route of a request or an event
---   `id`       the id: a string as it reads, all else as JSON
---   `id_key`   the id as JSON, to compare with
---   `data`     the payload as JSON: what is sent, returned or thrown
function packet.read(text, side)
    local found, foreign = read_members(text)
    local function value(member)
        return member and text:sub(member.from, member.to)
    end
    local seen = { side = author(found) }
    local payload
    local is_reply = side == "service" or side ~= "caller" and not (found.pattern or found.data)
    if not is_reply then
        local is_request = found.id and (found.pattern or found.data)
        seen.kind, payload = is_request and "request" or "event", found.data
        seen.pattern = found.pattern and route(text, found.pattern.from, found.pattern.to) or "undefined"
    elseif foreign then
        seen.kind, seen.data = "last value", text
    else
        seen.kind, payload = reply_kind(value, found)
    end
    seen.data = seen.data or value(payload)
    if found.id then
        seen.id_key = json.compact(text, found.id.from, found.id.to)
        seen.id = seen.id_key:sub(1, 1) == '"' and json.string(seen.id_key) or seen.id_key
    end
    return seen
end

return packet
