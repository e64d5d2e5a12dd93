-- Runs behind the filters of a listener, for hosts that have any: what these have changed decides which rule takes the request.
-- The script is a constant: nothing a user wrote ever enters it.
function envoy_on_request(handle)
  handle:headers():remove("x-gw-step") -- stays inside the proxy
  handle:clearRouteCache()
end
