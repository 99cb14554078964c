-- What the training jobs of Kubeflow share: roles, each with a number of pods of one template.

-- roleNeeds are what the pods of the roles refer to.
function roleNeeds(obj, specs, roles)
  local templates = {}
  for _, role in ipairs(roles) do
    templates[#templates + 1] = object(specs, role, "template")
  end
  return podNeeds(obj, templates)
end

-- roleComponents are the roles that a job has.
function roleComponents(specs, roles)
  local components = {}
  for _, role in ipairs(roles) do
    local spec = object(specs, role)
    if spec ~= nil then
      components[#components + 1] = {
        name = string.lower(role), replicas = number(spec, "replicas", 1), replicaRequirements = requirements(spec.template),
      }
    end
  end
  return components
end

-- addRoles adds up the pods of each role.
function addRoles(statuses)
  local out = {}
  for _, status in ipairs(statuses) do
    for role, counts in pairs(object(status, "replicaStatuses") or {}) do
      local sums = out[role]
      if sums == nil then
        sums = { active = 0, failed = 0, succeeded = 0 }
        out[role] = sums
      end
      sums.active = sums.active + number(counts, "active", 0)
      sums.failed = sums.failed + number(counts, "failed", 0)
      sums.succeeded = sums.succeeded + number(counts, "succeeded", 0)
    end
  end
  return out
end

-- with are the reports with a condition that is True.
function with(all, name)
  local out, found = {}, {}
  for _, report in ipairs(all) do
    local c = condition(report.status, name)
    if c ~= nil then
      out[#out + 1], found[#found + 1] = report, c
    end
  end
  return out, found
end

-- aggregateTraining adds up a job that fails when it does in one cluster, and succeeds when it does in
-- all. Zeros are left out.
function aggregateTraining(obj, items, roles, kind)
  local all, status = reports(items), statusOf(obj)
  local statuses = statusesOf(all)
  status.startTime, status.lastReconcileTime = oldest(statuses, "startTime"), newest(statuses, "lastReconcileTime")
  status.replicaStatuses = addRoles(statuses)
  for role, counts in pairs(status.replicaStatuses) do
    for _, field in ipairs({ "active", "failed", "succeeded" }) do
      if counts[field] == 0 then
        counts[field] = nil
      end
    end
    if next(counts) == nil then
      status.replicaStatuses[role] = nil
    end
  end
  local failed, failures = with(all, "Failed")
  local succeeded, successes = with(all, "Succeeded")
  status.conditions, status.completionTime = nil, nil
  if #failed > 0 then
    status.conditions = { {
      type = "Failed", status = "True", reason = kind .. "Failed", lastTransitionTime = newest(failures, "lastTransitionTime"),
      message = kind .. " executed failed in member clusters: " .. clustersOf(failed),
    } }
  elseif #succeeded > 0 and #succeeded == #items then
    status.conditions = { {
      type = "Succeeded", status = "True", reason = "Completed", lastTransitionTime = newest(successes, "lastTransitionTime"),
      message = kind .. " completed successfully",
    } }
    status.completionTime = newest(statuses, "completionTime")
  end
  return obj
end

-- notFailed says that a job has begun and not failed.
function notFailed(obj)
  local status = object(obj, "status")
  return object(status, "conditions") ~= nil and condition(status, "Failed") == nil
end
