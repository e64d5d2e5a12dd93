-- Gives a target the path that its filters ask for (translate.targetPath). The script is a constant: what a
-- user wrote is data in its context.
function envoy_on_request(handle)
  local context, headers = handle:filterContext(), handle:headers()
  local path, query = headers:get(":path"), ""
  local mark = string.find(path, "?", 1, true)
  if mark then path, query = string.sub(path, 1, mark - 1), string.sub(path, mark) end
  local rest, segments = "", context:get("segments")
  if segments then -- what follows the matched prefix; its segments have the slashes that they were matched with
    local from = 1
    for _ = 1, segments do from = string.find(path, "/", from + 1, true) or #path + 1 end
    rest = string.sub(path, from)
  end
  path = context:get("path") .. rest
  if path == "" then path = "/" end
  headers:replace(":path", path .. query)
end
