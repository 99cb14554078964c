-- OpenKruise: workloads of one template in several groups of nodes. The template is that of a workload,
-- with the pod template inside.

local workloads = { "statefulSetTemplate", "advancedStatefulSetTemplate", "cloneSetTemplate", "deploymentTemplate" }

local function podTemplate(obj)
  local template = object(obj, "spec", "template")
  for _, workload in ipairs(workloads) do
    if at(template, workload) ~= nil then
      return object(template, workload, "spec", "template")
    end
  end
  return template
end

function GetReplicas(obj)
  return number(object(obj, "spec"), "replicas", 1), requirements(podTemplate(obj))
end

function ReviseReplica(obj, replicas)
  obj.spec.replicas = replicas
  return obj
end

function ReflectStatus(obj)
  return stamp(obj, reflect(obj, {
    "replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas", "updatedReadyReplicas", "currentRevision",
    "conditions",
  }))
end

function AggregateStatus(obj, items)
  local all, status = aggregateWorkload(obj, items, { "replicas", "updatedReplicas", "readyReplicas" }, { "currentRevision" })
  sum(all, { "availableReplicas", "unavailableReplicas", "updatedReadyReplicas" }, status, true)
  -- a status without it is refused
  status.currentRevision = status.currentRevision or ""
  local out, places = {}, {}
  for _, report in ipairs(all) do
    for _, condition in each(report.status, "conditions") do
      local place = places[at(condition, "type") or ""] or #out + 1
      out[place], places[condition.type or ""] = condition, place
    end
  end
  if #out > 0 then
    status.conditions = out
  end
  return obj
end

-- The definition knows no available pods; those that are ready and of the present version are.
function InterpretHealth(obj)
  local available = "availableReplicas"
  if at(obj, "status", available) == nil then
    available = "updatedReadyReplicas"
  end
  return rolledOut(obj, number(object(obj, "spec"), "replicas", 0), "updatedReplicas", available)
end

function GetDependencies(obj)
  return podNeeds(obj, { podTemplate(obj) })
end
