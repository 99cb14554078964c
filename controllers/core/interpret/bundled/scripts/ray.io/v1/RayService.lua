-- Ray: a service, on a cluster of its own. It is divided by pods, of which one is the head.

local function cluster(obj)
  return object(obj, "spec", "rayClusterConfig")
end

-- larger raises quantities of out to those of others.
local function larger(out, others)
  for name, quantity in pairs(others) do
    if out[name] == nil or kube.getResourceQuantity(quantity) > kube.getResourceQuantity(out[name]) then
      out[name] = quantity
    end
  end
end

-- Each pod counts as one with the largest needs of any, on nodes that the head may be on.
function GetReplicas(obj)
  local head = object(cluster(obj), "headGroupSpec", "template")
  if head == nil then
    return 0
  end
  local replicas, out = 1, requirements(head)
  for _, group in each(cluster(obj), "workerGroupSpecs") do
    replicas = replicas + number(group, "replicas", 0)
    local worker = requirements(group.template)
    if out ~= nil and worker ~= nil then
      out.resourceRequest = out.resourceRequest or {}
      larger(out.resourceRequest, worker.resourceRequest or {})
    end
  end
  if out ~= nil then
    out.namespace = at(obj, "metadata", "namespace")
  end
  return replicas, out
end

-- The head stays; the rest is divided among the groups as they are to each other, rounded, the last one
-- gets what is left.
function ReviseReplica(obj, replicas)
  local groups = object(cluster(obj), "workerGroupSpecs") or {}
  local total, left = 0, math.max(0, replicas - 1)
  for _, group in ipairs(groups) do
    total = total + number(group, "replicas", 0)
  end
  local workers = left
  for i, group in ipairs(groups) do
    local share = left
    if i < #groups and total > 0 then
      share = math.floor(workers * number(group, "replicas", 0) / total + 0.5)
    elseif i < #groups then
      share = math.ceil(left / (#groups - i + 1))
    end
    group.replicas = math.min(share, left)
    left = left - group.replicas
  end
  return obj
end

function ReflectStatus(obj)
  return reflectRay(obj)
end

-- The states of an application that need attention most come last.
local ranks = { RUNNING = 0, NOT_STARTED = 1, DEPLOYING = 2, DELETING = 3, UNHEALTHY = 4, DEPLOY_FAILED = 5 }

local function applications(all)
  local out = {}
  for _, report in ipairs(all) do
    for name, application in pairs(object(report.status, "activeServiceStatus", "applicationStatuses") or {}) do
      local rank, present = ranks[at(application, "status") or ""] or 0, out[name]
      if present == nil or rank > (ranks[present.status or ""] or 0) then
        out[name] = application
      end
    end
  end
  return out
end

function AggregateStatus(obj, items)
  if aggregateOne(obj, items) then
    return obj
  end
  local all, status = reports(items), statusOf(obj)
  status.conditions = rayConditions(all)
  sum(all, { "numServeEndpoints" }, status, true)
  status.lastUpdateTime = newest(statusesOf(all), "lastUpdateTime")
  first(all, { "activeServiceStatus", "pendingServiceStatus" }, status)
  if status.activeServiceStatus ~= nil then
    status.activeServiceStatus.applicationStatuses = applications(all)
  end
  status.serviceStatus = nil
  if #all > 0 then
    status.serviceStatus = "Running"
    for _, report in ipairs(all) do
      if report.status.serviceStatus ~= nil and report.status.serviceStatus ~= "Running" then
        status.serviceStatus = report.status.serviceStatus
      end
    end
  end
  observe(obj, items)
  return obj
end

function InterpretHealth(obj)
  return condition(object(obj, "status"), "Ready") ~= nil
end

function GetDependencies(obj)
  return podNeeds(obj, rayTemplates(cluster(obj)))
end
