-- Runs only when no exact host of the chain was found: every exact table switches it off.
-- Tries the host again in lower case, then falls back to the wildcard table of the chain.
-- The script is a constant: nothing a user wrote ever enters it.
function envoy_on_request(handle)
  local info, headers = handle:streamInfo(), handle:headers()
  local given = headers:get("x-gw-host")
  local host = string.lower(given)
  local colon = string.find(host, ":", 1, true)
  if colon then host = string.sub(host, 1, colon - 1) end
  if host ~= given then
    headers:replace("x-gw-host", host)
    handle:clearRouteCache()
    handle:metadata() -- looks the route up; routeName() alone would still see the old one
    if info:routeName() ~= "" then return end
  end
  headers:replace("x-gw-host", "*")
  handle:clearRouteCache()
end
