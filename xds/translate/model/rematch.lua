-- Has the route of a request chosen anew: behind the filters of a listener, because what these have changed decides which rule takes
-- the request, and where rules compare the model that a body asks for, which is read here. The script is a constant: what clients and
-- users wrote is data.
local byte, char, find, lower, match, sub = string.byte, string.char, string.find, string.lower, string.match, string.sub

-- No client says them to a host that reads models: the model, and another name of it for what stands behind the choice of the route, as
-- llm-d called it over time.
local headersOfProxy = {
  "x-gateway-model-name", "x-llm-d-model-name-rewrite", "x-llm-d-router-model-name-rewrite", "x-gateway-model-name-rewrite",
}

local longestName = 256
local small = 256 * 1024 -- as much of a body is kept anyway

-- The place of the first character from i on that is no space, and the character.
local function token(text, i)
  local c = byte(text, i)
  while c == 32 or c == 10 or c == 13 or c == 9 do
    i = i + 1
    c = byte(text, i)
  end
  return i, c
end

-- The place of the quote that ends the string which begins at i. Every character is looked at once.
local function endOfString(text, i)
  local from = i + 1
  while true do
    local quote = find(text, '"', from, true)
    if not quote then return nil end
    local before = quote - 1
    while before > i and byte(text, before) == 92 do before = before - 1 end
    if (quote - before) % 2 == 1 then return quote end -- an even number of backslashes
    from = quote + 1
  end
end

-- The place of the bracket that ends the object or array which begins at i.
local function endOfNested(text, i)
  local depth = 0
  while true do
    local c = byte(text, i)
    if c == 34 then
      i = endOfString(text, i)
      if not i then return nil end
    elseif c == 123 or c == 91 then
      depth = depth + 1
    elseif c == 125 or c == 93 then
      depth = depth - 1
      if depth == 0 then return i end
    elseif not c then
      return nil
    end
    i = i + 1
  end
end

-- The place of the last character of the value which begins at i with c.
local function endOfValue(text, i, c)
  if c == 34 then return endOfString(text, i) end
  if c == 123 or c == 91 then return endOfNested(text, i) end
  if c == 116 or c == 110 then
    local word = sub(text, i, i + 3)
    return (word == "true" or word == "null") and i + 3 or nil
  end
  if c == 102 then return sub(text, i, i + 4) == "false" and i + 4 or nil end
  local from = i
  while c and (c >= 48 and c <= 57 or c == 43 or c == 45 or c == 46 or c == 69 or c == 101) do -- of numbers
    i = i + 1
    c = byte(text, i)
  end
  return i > from and i - 1 or nil
end

local escaped = {[34] = '"', [47] = "/", [92] = "\\", [98] = "\b", [102] = "\f", [110] = "\n", [114] = "\r", [116] = "\t"}

-- The text of a string; nil: it has characters beyond ASCII in escapes, or no escapes of JSON.
local function unescape(text)
  local out, i = "", 1
  while true do
    local mark = find(text, "\\", i, true)
    if not mark then return out .. sub(text, i) end
    local letter = escaped[byte(text, mark + 1)]
    local after = mark + 2
    if byte(text, mark + 1) == 117 then
      local digits = match(text, "^%x%x%x%x", mark + 2)
      local code = digits and tonumber(digits, 16)
      letter, after = code and code < 128 and char(code) or nil, mark + 6
    end
    if not letter then return nil end
    out, i = out .. sub(text, i, mark - 1) .. letter, after
  end
end

-- Whether the string between two quotes is the key "model". Its letters have one other spelling, six characters long.
local function isModel(text, open, close)
  local length = close - open - 1
  if length == 5 then return sub(text, open + 1, close - 1) == "model" end
  local c = byte(text, open + 1)
  return length >= 10 and length <= 30 and (c == 109 or c == 92) and unescape(sub(text, open + 1, close - 1)) == "model"
end

-- The name of a model between two quotes; nil: it is none that a header can carry, or too long.
local function nameBetween(text, open, close)
  if close - open - 1 > 6 * longestName then return nil end
  local name = unescape(sub(text, open + 1, close - 1))
  if not name or #name > longestName or not find(name, "^[!-~][ -~]*$") or byte(name, #name) == 32 then return nil end
  return name
end

-- The value of the last member "model" of a JSON object, as servers read it; nil: there is none that is a name. The second result
-- says whether the text is JSON, as far as it is looked at: what is nested has its brackets and strings in order.
local function modelOf(text)
  local i, c = token(text, byte(text, 1) == 0xEF and sub(text, 1, 3) == "\239\187\191" and 4 or 1)
  local model
  if c ~= 123 then
    local last = c and endOfValue(text, i, c)
    return nil, last ~= nil and token(text, last + 1) > #text
  end
  i, c = token(text, i + 1)
  while c ~= 125 do
    local close = c == 34 and endOfString(text, i)
    if not close then return nil, false end
    local named = isModel(text, i, close)
    i, c = token(text, close + 1)
    if c ~= 58 then return nil, false end
    i, c = token(text, i + 1)
    local last = c and endOfValue(text, i, c)
    if not last then return nil, false end
    if named then model = c == 34 and nameBetween(text, i, last) or nil end
    i, c = token(text, last + 1)
    if c == 44 then
      i, c = token(text, i + 1)
      if c ~= 34 then return nil, false end
    elseif c ~= 125 then
      return nil, false
    end
  end
  if token(text, i + 1) <= #text then return nil, false end
  return model, true
end

-- The content type of a body that may name a model; "" when the client says none; nil: it is no such body.
local function contentType(headers)
  local encoding = lower(headers:get("content-encoding") or "")
  if headers:get("upgrade") or encoding ~= "" and encoding ~= "identity" then return nil end
  local kind = match(lower(headers:get("content-type") or ""), "^%s*([^;%s]*)")
  if kind == "" then return headers:get(":method") == "POST" and kind or nil end
  if kind == "application/json" then return kind end
  if sub(kind, 1, 16) ~= "application/grpc" and find(kind, "^application/[a-z.+-]*%+json$") then return kind end
  return nil
end

-- Bytes of the bodies that this worker waits for.
local waiting = 0

-- Takes a place for a body, and returns it; nil: there is none. A place that is lost with its request is free again when it is collected.
local function place(size, share)
  if waiting + size > share then collectgarbage() end
  if waiting + size > share then return nil end
  waiting = waiting + size
  local taken = newproxy(true)
  getmetatable(taken).__gc = function()
    waiting, size = waiting - size, 0
  end
  return taken
end

local function refuse(handle, status, reason, text)
  handle:headers():replace("x-gw-reason", reason)
  local headers = {[":status"] = status, ["content-type"] = "application/json"}
  if status == "503" then headers["retry-after"] = "5" end
  handle:respond(headers, '{"error":{"message":"' .. text .. '","type":"invalid_request_error","code":"' .. reason .. '"}}\n')
end

-- Reads the body of a request that says it has as many bytes, or nil. It returns the model and whether the body is JSON; nothing when the
-- request has been answered.
local function read(handle, length, limit, share)
  local taken
  if (length or limit) > small then
    taken = place(length or limit, share)
    if not taken then
      refuse(handle, "503", "ModelBodies", "The gateway reads many large bodies. Try again.")
      return
    end
  end
  local body = handle:body()
  if taken then getmetatable(taken).__gc() end
  if not body then return nil, true end
  local size = body:length()
  local model, json = modelOf(body:getBytes(0, size))
  if size > small then collectgarbage() end -- the copy
  return model, json
end

function envoy_on_request(handle)
  local headers, context = handle:headers(), handle:filterContext()
  headers:remove("x-gw-step") -- stays inside the proxy
  local limit, share, alone = context:get("limit"), context:get("share"), context:get("alone")
  if not limit then
    handle:clearRouteCache()
    return
  end
  if context:get("again") then
    handle:clearRouteCache()
    handle:metadata() -- looks the route up
    if handle:streamInfo():routeName() ~= "model" then return end
  end
  for _, name in ipairs(headersOfProxy) do headers:remove(name) end
  local kind, length, model = contentType(headers), tonumber(headers:get("content-length") or ""), nil
  local large = length and length > limit
  if kind and kind ~= "" and large then
    refuse(handle, "413", "ModelBodyTooLarge", "The body is larger than the gateway reads to find its model.")
    return
  end
  if kind and not large then
    local json
    model, json = read(handle, length, limit, share)
    if json == nil then return end
    if not json and alone then
      refuse(handle, "400", "ModelBodyNotJSON", "The body is no JSON, so it names no model.")
      return
    end
  end
  -- What the handle gave before the wait is not good any more.
  local metadata = handle:streamInfo():dynamicMetadata()
  metadata:set("kedify.model", "read", "true")
  if model then
    metadata:set("kedify.model", "name", model)
    handle:headers():replace("x-gateway-model-name", model)
  end
  handle:clearRouteCache()
end
