-- Reads what an answer of a model says about its work, and notes it as metadata that the proxy counts (translate.workLog): the tokens of
-- the prompt, those of it that were cached, those of the answer, and that a first part of a streamed answer came. The answer
-- passes as it is; a few KiB of it are kept at most. The script is a constant: nothing a user wrote ever enters it.
local namespace = "kedify.work"
local key = '"usage' -- "usage" of OpenAI and Anthropic, "usageMetadata" of Gemini. In a text of JSON the quote would be escaped
local longest = 2048 -- bytes of the object behind the key, and of what is kept for the next part of the answer
local most = 10000000 -- tokens of one answer: more than any model takes

-- number returns the last value of a member that is a count; nil: there is none.
local function number(object, name)
  local value = tonumber(string.match(object, '^.*"' .. name .. '"%s*:%s*(%d+)%s*[,}]') or "")
  if value and value <= most then return value end
end

-- read notes what one object says. A later one wins: servers repeat it with growing numbers.
local function read(object, seen)
  if not string.find(object, "oken", 1, true) then return end -- neither tokens nor a TokenCount
  local prompt = number(object, "prompt_tokens") or number(object, "promptTokenCount")
  local cached = number(object, "cached_tokens") or number(object, "cachedContentTokenCount")
  if not prompt then
    prompt = number(object, "input_tokens")
    local found = number(object, "cache_read_input_tokens")
    if prompt and found then -- Anthropic: beside the others
      cached, prompt = found, prompt + found + (number(object, "cache_creation_input_tokens") or 0)
    end
  end
  local output = number(object, "completion_tokens") or number(object, "output_tokens") or number(object, "candidatesTokenCount")
  if not prompt and not output then return end
  seen.prompt = prompt or seen.prompt or 0
  seen.cached = math.min(cached or seen.cached or 0, seen.prompt)
  seen.output = output or seen.output or 0
end

-- joined is an event of several lines as one.
local function joined(text) return (string.gsub(text, "[\r\n]+data: ?", "")) end

-- object reads the object behind the key at a place of a text. It returns how many bytes need not be looked at again; nil: the rest of it
-- is on its way. No event goes on behind a blank line.
local function object(text, at, streamed, seen)
  local window = string.sub(text, at, at + longest - 1)
  local found, stop = string.match(window, '^"usage%a*"%s*:%s*(%b{})()')
  local blank = streamed and string.find(found or window, "\n\r?\n")
  if found and not blank then
    read(streamed and joined(found) or found, seen)
    return stop - 1
  elseif blank then
    return blank
  elseif #window == longest then
    return longest
  end
end

-- apart reads an object whose key, colon and brace are in several lines of an event; likewise.
local function apart(text, at, seen)
  local window = string.sub(text, at, at + longest - 1)
  local blank = string.find(window, "\n\r?\n")
  local found = string.match(joined(string.sub(window, 1, blank)), '^"usage%a*"%s*:%s*(%b{})')
  if found then read(found, seen) end
  if found or blank or #window == longest then return blank or #window end
end

-- scan reads all objects in a part of an answer and returns what the next part is to be read with. Whatever the answer is, no byte is
-- looked at more than a few times.
local function scan(text, streamed, seen)
  local from = 1
  while true do
    local at = string.find(text, key, from, true)
    if not at then return string.sub(text, math.max(from, #text - #key + 2)) end
    local skip = #key
    if string.find(text, '^"usage%a*"%s*:%s*{', at) then
      skip = object(text, at, streamed, seen)
    elseif string.find(text, '^"usage":%s*[^%s{]', at) then
      skip = #key -- another value, such as null in each event
    elseif streamed and string.find(text, '^"usage%a*"?[ \t]*:?[ \t]*[\r\n]', at) then
      skip = apart(text, at, seen)
    elseif #text - at < longest and string.find(text, '^"usage%a*"?%s*:?%s*$', at) then
      skip = nil
    end
    if not skip then return string.sub(text, at) end
    from = at + skip
  end
end

local function note(handle, name, value)
  handle:streamInfo():dynamicMetadata():set(namespace, name, value) -- none of these outlives a part of the answer
end

function envoy_on_response(handle)
  local headers = handle:headers()
  if string.sub(headers:get(":status"), 1, 1) ~= "2" then return end
  local kind = string.lower(headers:get("content-type") or "")
  local streamed = string.find(kind, "^text/event%-stream") ~= nil
  if not streamed and not string.find(kind, "^application/[%w.+-]*json") then return end
  local coding = headers:get("content-encoding")
  local plain = coding == nil or coding == "identity"
  local rest, seen, noted, begun = "", {}, {}, false
  for part in handle:bodyChunks() do
    local size = part:length()
    if size > 0 then
      if streamed and not begun then
        begun = true
        note(handle, "streamed", true)
      end
      if plain then
        rest = scan(rest .. part:getBytes(0, size), streamed, seen)
        for name, value in pairs(seen) do
          if noted[name] ~= value then note(handle, name, value) end
          noted[name] = value
        end
      elseif not streamed or begun then
        return
      end
    end
  end
end
