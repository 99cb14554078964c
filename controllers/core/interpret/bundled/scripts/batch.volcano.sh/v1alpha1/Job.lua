-- Volcano: a job of several tasks, which start together.

function GetComponents(obj)
  local components = {}
  for i, task in each(obj, "spec", "tasks") do
    local name = at(task, "name")
    if name == nil or name == "" then
      name = "task-" .. (i - 1)
    end
    components[i] = { name = name, replicas = number(task, "minAvailable", 1), replicaRequirements = requirements(task.template) }
  end
  return components
end

function ReflectStatus(obj)
  return reflect(obj, {
    "state", "minAvailable", "taskStatusCount", "pending", "running", "succeeded", "failed", "terminating", "unknown", "version",
    "retryCount", "runningDuration", "controlledResources", "conditions",
  })
end

-- seconds reads a duration as Go writes it: 1h2m3s.
local function seconds(duration)
  local total = 0
  for n, unit in string.gmatch(duration, "([%d%.]+)(%a+)") do
    total = total + (tonumber(n) or 0) * (({ h = 3600, m = 60, s = 1, ms = 0.001 })[unit] or 0)
  end
  return total
end

-- withoutNothing leaves out what is zero or empty, as the API of Volcano does.
local function withoutNothing(fields)
  local out = nil
  for name, value in pairs(fields) do
    if type(value) == "table" then
      value = withoutNothing(value)
    end
    if value ~= nil and value ~= 0 and value ~= "" then
      out = out or {}
      out[name] = value
    end
  end
  return out
end

local function addTasks(all, status)
  local longest = -1
  for _, report in ipairs(all) do
    for name, task in pairs(object(report.status, "taskStatusCount") or {}) do
      local sums = status.taskStatusCount[name]
      if sums == nil then
        sums = { phase = {} }
        status.taskStatusCount[name] = sums
      end
      for phase in pairs(object(task, "phase") or {}) do
        sums.phase[phase] = (sums.phase[phase] or 0) + number(task.phase, phase)
      end
    end
    for name, value in pairs(object(report.status, "controlledResources") or {}) do
      status.controlledResources[name] = value
    end
    local duration = report.status.runningDuration
    if duration ~= nil and duration ~= status.runningDuration and seconds(duration) > longest then
      status.runningDuration, longest = duration, seconds(duration)
    end
  end
end

-- verdict is a state when the job has failed somewhere or is complete everywhere.
local function verdict(all, clusters)
  local failed, completed = {}, {}
  for _, report in ipairs(all) do
    local phase = at(report.status, "state", "phase")
    if phase == "Failed" or phase == "Aborted" then
      failed[#failed + 1] = report
    elseif phase == "Completed" then
      completed[#completed + 1] = report
    end
  end
  local function state(of, phase, reason, message)
    local states = {}
    for i, report in ipairs(of) do
      states[i] = report.status.state
    end
    return { phase = phase, reason = reason, message = message, lastTransitionTime = newest(states, "lastTransitionTime") }
  end
  if #failed > 0 then
    return state(failed, "Failed", "VolcanoJobFailed", "Job failed in clusters: " .. string.gsub(clustersOf(failed), ", ", ","))
  end
  if #completed == clusters then
    return state(completed, "Completed", "Completed", "Job completed successfully")
  end
  return nil
end

local ends = { Failed = true, Aborted = true, Aborting = true, Terminated = true, Terminating = true }

-- history is that of the first cluster in which the job has failed, else the newest entry of each status.
local function history(all)
  local out, places = {}, {}
  for _, report in ipairs(all) do
    for _, entry in each(report.status, "conditions") do
      local status = at(entry, "status")
      if ends[status] then
        return report.status.conditions
      end
      local place = places[status or ""]
      if place == nil then
        out[#out + 1] = entry
        places[status or ""] = #out
      elseif (instant(entry, "lastTransitionTime") or "") > (instant(out[place], "lastTransitionTime") or "") then
        out[place] = entry
      end
    end
  end
  return out
end

function AggregateStatus(obj, items)
  local one = single(items)
  if one ~= nil then
    obj.status = one
    return obj
  end
  local all = reports(items)
  if #all == 0 then
    return obj
  end
  local status = { taskStatusCount = {}, controlledResources = {} }
  sum(all, { "minAvailable", "pending", "running", "succeeded", "failed", "terminating", "unknown", "retryCount" }, status)
  for _, report in ipairs(all) do
    status.version = math.max(status.version or 0, number(report.status, "version", 0))
  end
  addTasks(all, status)
  status.state, status.conditions = verdict(all, #items), history(all)
  obj.status = withoutNothing(status)
  return obj
end

local healthy = {
  Pending = true, Running = true, Restarting = true, Completing = true, Completed = true,
  Aborting = true, Aborted = true, Terminating = true, Terminated = true,
}

function InterpretHealth(obj)
  return healthy[at(obj, "status", "state", "phase") or ""] == true
end
