-- Says what trusted proxies have said about a request, where Envoy does not by itself: the scheme of a request over HTTP/2, and
-- the address of the client where proxies are trusted by their addresses. What is changed chooses the route anew. The script
-- is a constant: nothing a user wrote ever enters it.
function envoy_on_request(handle)
  local headers = handle:headers()
  local scheme = headers:get("x-forwarded-proto")
  if (scheme == "http" or scheme == "https") and headers:get(":scheme") ~= scheme then headers:replace(":scheme", scheme) end
  local address = handle:streamInfo():downstreamRemoteAddress()
  address = string.match(address, "^%[(.*)%]:%d+$") or string.match(address, "^(.*):%d+$") or address
  if headers:get("x-envoy-external-address") ~= address then headers:replace("x-envoy-external-address", address) end
end
