-- Redirects lead to the host of the request without its port (translate.withoutPort). The request goes
-- to no backend that would miss the port. The script is a constant.
function envoy_on_request(handle)
  local headers = handle:headers()
  local host = string.match(headers:get(":authority"), "^(.*):%d*$")
  if host then headers:replace(":authority", host) end
end
