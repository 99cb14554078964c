-- Ray: a job, on a cluster of its own.

function GetComponents(obj)
  return rayComponents(object(obj, "spec", "rayClusterSpec"))
end

function ReflectStatus(obj)
  return reflectRay(obj)
end

-- The states that need attention most come last. A job is complete when it is in all clusters.
local deployment = {
  Complete = 1, Initializing = 2, Waiting = 3, Suspending = 4, Suspended = 4, Retrying = 5, Running = 6, ValidationFailed = 7, Failed = 8,
}
local job = { SUCCEEDED = 1, PENDING = 2, RUNNING = 3, STOPPED = 4, FAILED = 5 }

-- worst is the first of the statuses with the state of the highest rank.
local function worst(all, field, ranks)
  local out, highest = nil, -1
  for _, report in ipairs(all) do
    local state = report.status[field]
    if state ~= nil and state ~= "" and (ranks[state] or 0) > highest then
      out, highest = report.status, ranks[state] or 0
    end
  end
  return out
end

function AggregateStatus(obj, items)
  if aggregateOne(obj, items) then
    return obj
  end
  local all, status = reports(items), statusOf(obj)
  status.jobStatus = at(worst(all, "jobStatus", job), "jobStatus")
  local shown = worst(all, "jobDeploymentStatus", deployment)
  for _, field in ipairs({ "jobDeploymentStatus", "reason", "message" }) do
    status[field] = at(shown, field)
  end
  observe(obj, items)
  return obj
end

function InterpretHealth(obj)
  local status = object(obj, "status") or {}
  return status.jobDeploymentStatus == "Running" or (status.jobDeploymentStatus == "Complete" and status.jobStatus == "SUCCEEDED")
end

function GetDependencies(obj)
  local templates = rayTemplates(object(obj, "spec", "rayClusterSpec"))
  templates[#templates + 1] = object(obj, "spec", "submitterPodTemplate")
  return podNeeds(obj, templates)
end
