-- OpenKruise: containers that are put into pods of others.

local counters = { "matchedPods", "updatedPods", "readyPods" }

-- It has no pods of its own to divide.
function GetReplicas(obj)
  return 0
end

-- Nothing in it belongs to the member.
function Retain(desired, observed)
  return desired
end

function ReflectStatus(obj)
  local status = reflect(obj, counters)
  for _, field in ipairs(counters) do
    if status ~= nil then
      status[field] = number(status, field, 0)
    end
  end
  return status
end

function AggregateStatus(obj, items)
  sum(reports(items), counters, statusOf(obj))
  return obj
end

function InterpretHealth(obj)
  local status = object(obj, "status")
  return status ~= nil and number(status, "updatedPods", 0) == number(status, "matchedPods", 0)
end

-- The pods are where spec.namespace says; without it they may be anywhere.
function GetDependencies(obj)
  local spec = object(obj, "spec") or {}
  local pod = { containers = spec.containers, initContainers = spec.initContainers, volumes = spec.volumes }
  return kube.getPodDependencies({ spec = pod }, spec.namespace or "")
end
