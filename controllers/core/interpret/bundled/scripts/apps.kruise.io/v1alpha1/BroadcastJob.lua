-- OpenKruise: a pod that runs to its end on each node.

-- parallelism may be a share of the nodes; how many pods that is nobody knows here.
function GetReplicas(obj)
  local spec = object(obj, "spec")
  if type(at(spec, "parallelism")) == "string" then
    return 1, requirements(spec.template)
  end
  return podReplicas(obj, "parallelism")
end

function ReviseReplica(obj, replicas)
  obj.spec.parallelism = replicas
  return obj
end

-- The controller labels the pods.
function Retain(desired, observed)
  local labels = at(observed, "spec", "template", "metadata", "labels")
  if labels ~= nil then
    local template = desired.spec.template
    template.metadata = template.metadata or {}
    template.metadata.labels = labels
  end
  return desired
end

function ReflectStatus(obj)
  return reflect(obj, { "conditions", "startTime", "completionTime", "active", "succeeded", "failed", "desired", "phase" })
end

-- phases are those that need attention first.
local phases = { "failed", "paused", "running", "completed" }

local function worst(all)
  for _, phase in ipairs(phases) do
    for _, report in ipairs(all) do
      if report.status.phase == phase then
        return phase
      end
    end
  end
  return ""
end

function AggregateStatus(obj, items)
  local all = reports(items)
  if #all == 0 then
    return obj
  end
  local status = statusOf(obj)
  sum(all, { "active", "succeeded", "failed", "desired" }, status)
  status.phase = worst(all)
  local failed, complete = {}, 0
  for _, report in ipairs(all) do
    if condition(report.status, "Failed") ~= nil then
      failed[#failed + 1] = report
    elseif condition(report.status, "Complete") ~= nil then
      complete = complete + 1
    end
  end
  status.conditions = {}
  if #failed > 0 then
    status.conditions[1] = {
      type = "Failed", status = "True", reason = "JobFailed", message = "Job executed failed in member clusters: " .. clustersOf(failed),
    }
  elseif complete == #items then
    status.conditions[1] = { type = "Completed", status = "True", reason = "Completed", message = "Job completed" }
  end
  return obj
end

function InterpretHealth(obj)
  local status = object(obj, "status")
  if status == nil or number(status, "desired", 0) == 0 or number(status, "failed", 0) ~= 0 then
    return false
  end
  return number(status, "succeeded", 0) ~= 0 or number(status, "active", 0) ~= 0
end

function GetDependencies(obj)
  return templateNeeds(obj)
end
