-- Kubeflow: a job of MPI, a launcher and workers.

local function specs(obj)
  return object(obj, "spec", "mpiReplicaSpecs") or {}
end

function GetComponents(obj)
  local components = {}
  for role, spec in pairs(specs(obj)) do
    if at(spec, "template") ~= nil then
      local unset = 1
      if string.lower(role) == "worker" then
        unset = 0
      end
      components[#components + 1] = { name = role, replicas = number(spec, "replicas", unset), replicaRequirements = requirements(spec.template) }
    end
  end
  return components
end

function ReflectStatus(obj)
  local status = reflect(obj, { "conditions", "startTime", "completionTime", "lastReconcileTime" })
  for role, counts in pairs(object(obj, "status", "replicaStatuses") or {}) do
    status.replicaStatuses = status.replicaStatuses or {}
    status.replicaStatuses[role] = reflect({ status = counts }, { "active", "succeeded", "failed", "selector" })
  end
  return status
end

-- latest are the newest conditions of each type.
local function latest(all)
  local out, places = {}, {}
  for _, report in ipairs(all) do
    for _, c in each(report.status, "conditions") do
      local place = places[at(c, "type") or ""]
      local t = instant(c, "lastUpdateTime") or instant(c, "lastTransitionTime") or ""
      if place == nil then
        out[#out + 1] = { time = t, condition = c }
        places[c.type or ""] = #out
      elseif t > out[place].time then
        out[place] = { time = t, condition = c }
      end
    end
  end
  for i, entry in ipairs(out) do
    out[i] = entry.condition
  end
  return out
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
  local status, statuses = {}, statusesOf(all)
  status.replicaStatuses = addRoles(statuses)
  status.startTime = oldest(statuses, "startTime")
  status.completionTime = newest(statuses, "completionTime")
  status.lastReconcileTime = newest(statuses, "lastReconcileTime")
  status.conditions = latest(all)
  obj.status = status
  return obj
end

function InterpretHealth(obj)
  return notFailed(obj) and #obj.status.conditions > 0
end

function GetDependencies(obj)
  local roles = {}
  for role in pairs(specs(obj)) do
    roles[#roles + 1] = role
  end
  return roleNeeds(obj, specs(obj), roles)
end
