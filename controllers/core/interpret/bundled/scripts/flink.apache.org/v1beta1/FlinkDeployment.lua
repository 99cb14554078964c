-- The Flink operator: a job manager and task managers, which have one pod template.

-- units are those of Flink's memory sizes: 2048m is 2 GiB.
local units = {
  b = 1, bytes = 1,
  k = 1024, kb = 1024, kibibytes = 1024,
  m = 1024 ^ 2, mb = 1024 ^ 2, mebibytes = 1024 ^ 2,
  g = 1024 ^ 3, gb = 1024 ^ 3, gibibytes = 1024 ^ 3,
  t = 1024 ^ 4, tb = 1024 ^ 4, tebibytes = 1024 ^ 4,
}

-- bytes reads a memory size of Flink, or a quantity of Kubernetes if it is none.
local function bytes(memory)
  if memory == nil then
    return nil
  end
  local size, unit = string.match(memory, "^%s*(%d+)%s*(%a+)%s*$")
  local factor = unit and units[string.lower(unit)]
  if factor then
    return tonumber(size) * factor
  end
  return kube.getResourceQuantity(memory)
end

local function count(value, unset)
  if value == nil or value == "" then
    return unset
  end
  return tonumber(value) or unset
end

local function taskManagers(spec)
  local replicas = count(at(spec, "taskManager", "replicas"))
  if replicas ~= nil then
    return replicas
  end
  local parallelism = count(at(spec, "job", "parallelism"))
  local slots = count(at(spec, "flinkConfiguration", "taskmanager.numberOfTaskSlots"))
  if parallelism == nil or slots == nil or slots <= 0 then
    return 1
  end
  return math.ceil(parallelism / slots)
end

-- asks is what one pod of a part asks for.
local function asks(spec, part)
  local out = {
    resourceRequest = { cpu = at(spec, part, "resource", "cpu"), memory = bytes(at(spec, part, "resource", "memory")) },
  }
  local pod = object(spec, "podTemplate", "spec") or {}
  if pod.nodeSelector ~= nil or pod.tolerations ~= nil then
    out.nodeClaim = { nodeSelector = pod.nodeSelector, tolerations = pod.tolerations }
  end
  if pod.priorityClassName ~= "" then
    out.priorityClassName = pod.priorityClassName
  end
  return out
end

function GetComponents(obj)
  local spec = object(obj, "spec")
  return {
    { name = "jobmanager", replicas = count(at(spec, "jobManager", "replicas"), 1), replicaRequirements = asks(spec, "jobManager") },
    { name = "taskmanager", replicas = taskManagers(spec), replicaRequirements = asks(spec, "taskManager") },
  }
end

-- Where parts are not placed by themselves, each pod counts as the larger one.
function GetReplicas(obj)
  local spec = object(obj, "spec")
  local out, tasks = asks(spec, "jobManager"), asks(spec, "taskManager")
  for name, quantity in pairs(tasks.resourceRequest) do
    out.resourceRequest[name] = math.max(quantity, out.resourceRequest[name] or 0)
  end
  out.namespace = at(obj, "metadata", "namespace")
  return count(at(spec, "jobManager", "replicas"), 1) + taskManagers(spec), out
end

local fields = { "clusterInfo", "error", "jobManagerDeploymentStatus", "jobStatus", "lifecycleState", "reconciliationStatus", "taskManager" }

function ReflectStatus(obj)
  return stamp(obj, reflect(obj, fields))
end

-- A job runs in one cluster; of several the last one is shown.
function AggregateStatus(obj, items)
  local all, status = reports(items), statusOf(obj)
  if #all > 0 then
    for _, field in ipairs(fields) do
      status[field] = all[#all].status[field]
    end
  end
  observe(obj, items)
  return obj
end

-- A job that comes up may have to go elsewhere, unless the fault is its own.
local starting = { CREATED = true, INITIALIZING = true, RECONCILING = true }

function InterpretHealth(obj)
  local status = object(obj, "status") or {}
  local state = at(status, "jobStatus", "state")
  if state ~= nil and not starting[state] then
    return true
  end
  return status.error ~= nil or (state ~= nil and status.jobManagerDeploymentStatus == "ERROR")
end
