-- Ray: a cluster.

function GetComponents(obj)
  return rayComponents(object(obj, "spec"))
end

function ReflectStatus(obj)
  return reflectRay(obj)
end

local counters = { "readyWorkerReplicas", "availableWorkerReplicas", "maxWorkerReplicas", "minWorkerReplicas", "desiredWorkerReplicas" }
local quantities = { "desiredCPU", "desiredGPU", "desiredMemory", "desiredTPU" }

function AggregateStatus(obj, items)
  if aggregateOne(obj, items) then
    return obj
  end
  local all, status = reports(items), statusOf(obj)
  status.conditions = rayConditions(all)
  sum(all, counters, status, true)
  for _, field in ipairs(quantities) do
    status[field] = nil
    for _, report in ipairs(all) do
      local quantity = report.status[field]
      if quantity ~= nil and quantity ~= "" then
        status[field] = kube.resourceAdd(status[field], quantity)
      end
    end
  end
  status.lastUpdateTime = newest(statusesOf(all), "lastUpdateTime")
  -- where there are several, the head of the first is shown
  first(all, { "endpoints", "head", "state" }, status)
  status.stateTransitionTimes = nil
  for _, report in ipairs(all) do
    if report.status.state ~= nil then
      status.stateTransitionTimes = report.status.stateTransitionTimes
      break
    end
  end
  observe(obj, items)
  return obj
end

function InterpretHealth(obj)
  local status = object(obj, "status")
  return condition(status, "HeadPodReady") ~= nil and condition(status, "RayClusterProvisioned") ~= nil
    and condition(status, "ReplicaFailure") == nil and condition(status, "RayClusterReplicaFailure") == nil
end
