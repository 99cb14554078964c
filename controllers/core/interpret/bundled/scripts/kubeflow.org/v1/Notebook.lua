-- Kubeflow: a notebook, which is one pod.

function GetReplicas(obj)
  return 1, requirements(object(obj, "spec", "template"))
end

-- None of the fields may be missing.
function ReflectStatus(obj)
  local status = reflect(obj, { "readyReplicas", "containerState", "conditions" })
  if status ~= nil then
    status.readyReplicas = number(status, "readyReplicas", 0)
    status.containerState = status.containerState or {}
    status.conditions = status.conditions or {}
  end
  return status
end

-- summary is a condition of the whole, since when a cluster last changed.
local function summary(name, reason, message, all)
  local since = {}
  for _, report in ipairs(all) do
    for _, c in each(report.status, "conditions") do
      since[#since + 1] = c
    end
  end
  return {
    type = name, status = "True", reason = reason, message = message,
    lastProbeTime = newest(since, "lastProbeTime"), lastTransitionTime = newest(since, "lastTransitionTime"),
  }
end

function AggregateStatus(obj, items)
  local one, all = single(items), reports(items)
  if one ~= nil then
    obj.status = one
    return obj
  end
  if #all == 0 then
    return obj
  end
  local status, waiting, running = { conditions = {} }, {}, {}
  for _, report in ipairs(all) do
    local state = object(report.status, "containerState") or {}
    if state.running ~= nil and state.waiting == nil and state.terminated == nil then
      running[#running + 1] = state.running
    else
      waiting[#waiting + 1] = report
      status.containerState = state
      if next(state) == nil then
        status.containerState = { waiting = { reason = "Unschedulable" } }
      end
    end
  end
  sum(all, { "readyReplicas" }, status)
  if #waiting > 0 then
    status.conditions[1] = summary("Failed", "NotebookFailed", "Notebook executed failed in member clusters: " .. clustersOf(waiting), waiting)
  else
    status.containerState = { running = { startedAt = newest(running, "startedAt") } }
    if #running == #items then
      status.conditions[1] = summary("Ready", "Ready", "All notebooks are ready", all)
    end
  end
  obj.status = status
  return obj
end

local failures = { Error = true, OOMKilled = true, ContainerCannotRun = true }

function InterpretHealth(obj)
  local state = object(obj, "status", "containerState") or {}
  if state.running ~= nil then
    return true
  end
  if state.waiting ~= nil then
    return at(state.waiting, "reason") == "ContainerCreating"
  end
  if state.terminated ~= nil then
    return not failures[at(state.terminated, "reason") or ""] and number(state.terminated, "exitCode", 0) == 0
  end
  return false
end
