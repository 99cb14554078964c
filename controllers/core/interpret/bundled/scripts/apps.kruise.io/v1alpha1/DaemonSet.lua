-- OpenKruise: a pod on each node.

local counters = {
  "currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady", "updatedNumberScheduled", "numberAvailable",
  "numberUnavailable",
}

function ReflectStatus(obj)
  return stamp(obj, reflect(obj, {
    "currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady", "updatedNumberScheduled", "numberAvailable",
    "numberUnavailable", "daemonSetHash",
  }))
end

function AggregateStatus(obj, items)
  local _, status = aggregateWorkload(obj, items, counters, { "daemonSetHash" })
  -- a status without it is refused
  status.daemonSetHash = status.daemonSetHash or ""
  return obj
end

function InterpretHealth(obj)
  return rolledOut(obj, number(object(obj, "status"), "desiredNumberScheduled", 0), "updatedNumberScheduled", "numberAvailable")
end

function GetDependencies(obj)
  return templateNeeds(obj)
end
