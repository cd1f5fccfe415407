-- Reads JSON text as far as the dissector needs it: where a value ends, which members an object
-- has, what a string says. The text may be cut, malformed or of any depth: nothing here raises an
-- error, and nothing recurses. Knows neither frames nor Wireshark.

local json = {}

local SPACE = "^[ \t\n\r]*()"
local ESCAPED = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }
local LITERALS = { t = "^true()", f = "^false()", n = "^null()" }
local REPLACEMENT = "\239\191\189"

--- Returns the position after the white space at `at`.
function json.skip_space(text, at)
    return text:match(SPACE, at)
end

--- Returns the position after the string that begins at `at`, or nil.
local function string_end(text, at)
    at = at + 1
    while true do
        at = text:find("[\0-\31\"\\]", at)
        local byte = at and text:sub(at, at)
        if byte == '"' then
            return at + 1
        elseif byte ~= "\\" then
            return nil
        end
        at = text:match('^\\["\\/bfnrt]()', at) or text:match("^\\u%x%x%x%x()", at)
        if not at then
            return nil
        end
    end
end

local function number_end(text, at)
    at = text:match("^%-?0()", at) or text:match("^%-?[1-9]%d*()", at)
    if not at then
        return nil
    end
    at = text:match("^%.%d+()", at) or at
    return text:match("^[eE][+-]?%d+()", at) or at
end

--- Returns the position after the string, number or word at `at`, or nil.
local function scalar_end(text, at)
    local first = text:sub(at, at)
    if first == '"' then
        return string_end(text, at)
    elseif LITERALS[first] then
        return text:match(LITERALS[first], at)
    end
    return number_end(text, at)
end

--- Returns the position of the value of the member whose key begins at `at`, or nil.
local function after_key(text, at)
    at = text:sub(at, at) == '"' and string_end(text, at)
    local value = at and text:match("^[ \t\n\r]*:()", at)
    return value and json.skip_space(text, value)
end

--- Enters the object or array at `at`. Returns the position of its first value and the bracket
--- that closes it; if it is empty, the position after it and no bracket; nil if it is malformed.
local function enter(text, at)
    local closing = text:sub(at, at) == "{" and "}" or "]"
    at = json.skip_space(text, at + 1)
    if text:sub(at, at) == closing then
        return at + 1, nil
    end
    if closing == "}" then
        at = after_key(text, at)
    end
    return at, closing
end

--- Returns the position of the next value of the array or object that `closing` closes, or, if it
--- ends here, the position after it and true.
local function continue(text, at, closing)
    at = json.skip_space(text, at)
    local byte = text:sub(at, at)
    if byte == closing then
        return at + 1, true
    elseif byte ~= "," then
        return nil
    end
    at = json.skip_space(text, at + 1)
    if closing == "}" then
        at = after_key(text, at)
    end
    return at, false
end

--- Returns the position after the value that begins at `at`, or nil if the text there is cut or
--- is not JSON.
function json.value_end(text, at)
    local open, depth = {}, 0
    while at do
        local first, closing = text:sub(at, at), nil
        if first == "{" or first == "[" then
            at, closing = enter(text, at)
        else
            at = scalar_end(text, at)
        end
        if closing then
            depth = depth + 1
            open[depth] = closing
        else
            -- A value has ended, and with it perhaps the objects and arrays around it.
            local ended = true
            while at and ended and depth > 0 do
                at, ended = continue(text, at, open[depth])
                if ended then
                    depth = depth - 1
                end
            end
            if depth == 0 then
                return at
            end
        end
    end
    return nil
end

--- Returns the members of the object or array from `first` to `last`, which is well-formed, in
--- order: `{ { key = …, from = …, to = … }, … }`. An array's keys are "0", "1" and so on.
function json.members(text, first)
    local members = {}
    local is_object = text:sub(first, first) == "{"
    local at = json.skip_space(text, first + 1)
    while not text:find("^[%]}]", at) do
        local key = tostring(#members)
        if is_object then
            key = json.string(text:sub(at, string_end(text, at) - 1))
            at = after_key(text, at)
        end
        local after = json.value_end(text, at)
        members[#members + 1] = { key = key, from = at, to = after - 1 }
        at = text:match("^[ \t\n\r]*,?[ \t\n\r]*()", after)
    end
    return members
end

local function utf8_of(code)
    local function tail(shift)
        return 0x80 + math.floor(code / shift) % 0x40
    end
    if code < 0x80 then
        return string.char(code)
    elseif code < 0x800 then
        return string.char(0xC0 + math.floor(code / 0x40), tail(1))
    elseif code < 0x10000 then
        return string.char(0xE0 + math.floor(code / 0x1000), tail(0x40), tail(1))
    end
    return string.char(0xF0 + math.floor(code / 0x40000), tail(0x1000), tail(0x40), tail(1))
end

--- Decodes the `\u` escape at `at`, with the one behind it if both make a surrogate pair. Returns
--- UTF-8 and the position after it. A lone surrogate becomes U+FFFD.
local function decode_unicode(text, at)
    local code = tonumber(text:sub(at + 2, at + 5), 16)
    if code < 0xD800 or code > 0xDFFF then
        return utf8_of(code), at + 6
    end
    local low = code < 0xDC00 and text:match("^\\u([dD][c-fC-F]%x%x)", at + 6)
    if not low then
        return REPLACEMENT, at + 6
    end
    return utf8_of(0x10000 + (code - 0xD800) * 0x400 + tonumber(low, 16) - 0xDC00), at + 12
end

--- Returns what the well-formed string literal `literal` says, as UTF-8.
function json.string(literal)
    local inside, parts, at = literal:sub(2, -2), {}, 1
    while at <= #inside do
        local part = inside:match("^[^\\]+", at)
        if part then
            at = at + #part
        elseif inside:sub(at + 1, at + 1) == "u" then
            part, at = decode_unicode(inside, at)
        else
            local letter = inside:sub(at + 1, at + 1)
            part, at = ESCAPED[letter] or letter, at + 2
        end
        parts[#parts + 1] = part
    end
    return table.concat(parts)
end

--- Returns the value from `from` to `to` without white space between its parts.
function json.compact(text, from, to)
    local parts, at = {}, from
    while at <= to do
        local after
        if text:sub(at, at) == '"' then
            after = string_end(text, at)
        else
            after = text:match('^[^"]*()', at)
        end
        local part = text:sub(at, math.min(after - 1, to))
        parts[#parts + 1] = part:sub(1, 1) == '"' and part or part:gsub("[ \t\n\r]", "")
        at = after
    end
    return table.concat(parts)
end

return json
