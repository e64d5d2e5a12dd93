-- Runs only when no exact host of the chain was found: every exact table switches it off.
-- Tries the host again in lower case, then falls back to the wildcard table of the chain.
-- The script is a constant: nothing a user wrote ever enters it.
function envoy_on_request(handle)
  local info, headers = handle:streamInfo(), handle:headers()
  local given = headers:get("x-gw-host") or "" -- an empty Host writes no key header
  local lower = string.lower(given)
  local host = string.match(lower, "^%[[^%]]*%]") or string.match(lower, "^[^:]*") -- without the port
  if host == "" then -- names no host (RFC 9110 7.2), so no table is meant, the wildcard table neither
    handle:respond({[":status"] = "400"}, "")
    return
  end
  local upgrade = headers:get("upgrade")
  if upgrade and string.lower(upgrade) ~= "websocket" then -- as Envoy answers where it knows the route
    handle:respond({[":status"] = "403"}, "")
    return
  end
  if host ~= given then
    headers:replace("x-gw-host", host)
    handle:clearRouteCache()
    handle:metadata() -- looks the route up; routeName() alone would still see the old one
    if info:routeName() ~= "" then return end
  end
  headers:replace("x-gw-host", "*")
  handle:clearRouteCache()
end
