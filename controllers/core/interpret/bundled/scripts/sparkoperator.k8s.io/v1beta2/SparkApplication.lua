-- The Spark operator: a driver and executors.

local units = {
  b = 1, k = 1024, kb = 1024, m = 1024 ^ 2, mb = 1024 ^ 2, g = 1024 ^ 3, gb = 1024 ^ 3, t = 1024 ^ 4, tb = 1024 ^ 4,
}

-- bytes reads an amount of memory as Java writes it: 4g.
local function bytes(memory)
  if memory == nil then
    return 0
  end
  local size, unit = string.match(string.lower(memory), "^(%d+%.?%d*)(%a*)$")
  return (tonumber(size or "0") or 0) * (units[unit or ""] or 1)
end

-- request is what a pod asks for: the heap, and what Spark adds to it.
local function request(spec, part)
  local factor = tonumber(at(spec, "memoryOverheadFactor"))
  if factor == nil then
    local language = string.lower(at(spec, "type") or "")
    factor = (language == "java" or language == "scala") and 0.1 or 0.4
  end
  local heap = bytes(at(spec, part, "memory"))
  local overhead = math.max(heap * factor, 384 * 1024 ^ 2)
  if at(spec, part, "memoryOverhead") ~= nil then
    overhead = bytes(spec[part].memoryOverhead)
  end
  local memory = math.floor((heap + overhead) / 1024 ^ 2) .. "Mi"
  if heap + overhead < 1024 ^ 2 then
    memory = math.max(math.ceil((heap + overhead) / 1024), 1) .. "Ki"
  end
  local out = { cpu = at(spec, part, "cores"), memory = memory }
  local gpu = object(spec, part, "gpu") or {}
  if gpu.name ~= nil and gpu.name ~= "" and number(gpu, "quantity", 0) > 0 then
    out[gpu.name] = gpu.quantity
  end
  return out
end

local function asks(spec, part)
  local pod = object(spec, part) or {}
  local out, affinity = { resourceRequest = request(spec, part) }, at(pod, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
  if pod.nodeSelector ~= nil or pod.tolerations ~= nil or affinity ~= nil then
    out.nodeClaim = { nodeSelector = pod.nodeSelector, tolerations = pod.tolerations, hardNodeAffinity = affinity }
  end
  if pod.priorityClassName ~= "" then
    out.priorityClassName = pod.priorityClassName
  end
  return out
end

function GetComponents(obj)
  local spec = object(obj, "spec")
  local executors = number(object(spec, "executor"), "instances", 1)
  local dynamic = object(spec, "dynamicAllocation")
  if at(dynamic, "enabled") then
    executors = math.max(executors, number(dynamic, "initialExecutors", 1), number(dynamic, "minExecutors", 1))
  end
  return {
    { name = "driver", replicas = 1, replicaRequirements = asks(spec, "driver") },
    { name = "executor", replicas = executors, replicaRequirements = asks(spec, "executor") },
  }
end

local fields = {
  "applicationState", "driverInfo", "executorState", "sparkApplicationId", "completionTime", "lastSubmissionAttemptTime",
  "submissionAttempts", "executionAttempts", "submissionID", "terminationTime",
}

function ReflectStatus(obj)
  return reflect(obj, fields)
end

-- The states that need attention most come last.
local ranks = {
  SUBMITTED = 1, PENDING_RERUN = 1, COMPLETED = 2, SUSPENDING = 3, SUSPENDED = 3, RUNNING = 4, RESUMING = 4, SUCCEEDING = 4, INVALIDATING = 5,
  FAILING = 6, FAILED = 6, SUBMISSION_FAILED = 6,
}

local function worst(all)
  local out, highest = nil, -1
  for _, report in ipairs(all) do
    local rank = ranks[at(report.status, "applicationState", "state") or ""] or 0
    if at(report.status, "applicationState") ~= nil and rank > highest then
      out, highest = report.status, rank
    end
  end
  return out
end

-- Of several applications the one that needs attention most is shown, with the attempts of all.
function AggregateStatus(obj, items)
  local all = reports(items)
  local alone, shown = #items == 1, worst(all)
  if alone then
    shown = at(all[1], "status")
  end
  if shown == nil then
    return obj
  end
  local status, statuses = statusOf(obj), statusesOf(all)
  for _, field in ipairs(fields) do
    status[field] = nil
    if alone then
      status[field] = shown[field]
    end
  end
  if alone then
    return obj
  end
  status.applicationState = shown.applicationState
  -- a status without it is refused
  status.driverInfo = shown.driverInfo
  sum(all, { "executionAttempts", "submissionAttempts" }, status, true)
  status.lastSubmissionAttemptTime = newest(statuses, "lastSubmissionAttemptTime")
  status.terminationTime = newest(statuses, "terminationTime")
  return obj
end

function InterpretHealth(obj)
  local state = at(obj, "status", "applicationState", "state")
  return state ~= nil and state ~= "FAILED"
end
