-- The calls of a capture: which reply belongs to which request, and which side of a connection is
-- the caller. It is filled when packets are seen for the first time, in order, and only read later.

local calls = {}

local connections = {}

local function connection_of(pinfo)
    local from = ("%s:%d"):format(pinfo.src, pinfo.src_port)
    local to = ("%s:%d"):format(pinfo.dst, pinfo.dst_port)
    local key = from < to and from .. " " .. to or to .. " " .. from
    connections[key] = connections[key] or { by_id = {} }
    return connections[key], from
end

--- Forgets everything: another capture is opened.
function calls.reset()
    connections = {}
end

--- Returns "caller" or "service" if earlier packets said which of them the sender is, else nil.
function calls.side(pinfo)
    local connection, from = connection_of(pinfo)
    if not connection.caller then
        return nil
    end
    return connection.caller == from and "caller" or "service"
end

--- Returns the call with this id that was open at the packet, or nil.
local function find(connection, id, number)
    local found
    for _, call in ipairs(connection.by_id[id] or {}) do
        if call.request_in <= number then
            found = call
        end
    end
    return found
end

local function remember(connection, seen, pinfo)
    local same_id = connection.by_id[seen.id_key] or {}
    local last = same_id[#same_id]
    if last and not last.response_in then
        -- The same request again: a segment was sent twice.
        return
    end
    connection.by_id[seen.id_key] = same_id
    same_id[#same_id + 1] = { request_in = pinfo.number, time = pinfo.rel_ts, pattern = seen.pattern }
end

--- Takes note of a packet. Returns the call that it belongs to: `request_in`, `time` and `pattern`
--- of the request, `response_in` of its first reply. Returns nil if it belongs to none.
function calls.note(pinfo, seen)
    local connection, from = connection_of(pinfo)
    if seen.side and not connection.caller then
        local to = ("%s:%d"):format(pinfo.dst, pinfo.dst_port)
        connection.caller = seen.side == "caller" and from or to
    end
    if not seen.id_key or seen.kind == "event" then
        return nil
    end
    if seen.kind == "request" and not pinfo.visited then
        remember(connection, seen, pinfo)
    end
    local call = find(connection, seen.id_key, pinfo.number)
    if call and seen.kind ~= "request" then
        call.response_in = call.response_in or pinfo.number
    end
    return call
end

return calls
