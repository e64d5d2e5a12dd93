-- Answers an upgrade to a target that takes none (translate.refuseUpgrade). The script is a constant.
function envoy_on_request(handle)
  handle:respond({[":status"] = "403", ["content-type"] = "text/plain"},
    "An InferencePool takes no WebSocket: its endpoint picker is asked about whole requests.\n")
end
