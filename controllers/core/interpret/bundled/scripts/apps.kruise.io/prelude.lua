-- What the workloads of OpenKruise share.

-- aggregateWorkload adds up counters and takes facts from the last cluster that knows them.
function aggregateWorkload(obj, items, counters, facts)
  local all, status = reports(items), statusOf(obj)
  sum(all, counters, status)
  last(all, facts, status)
  observe(obj, items)
  return all, status
end

-- rolledOut says that the present version runs: the controller has seen it, the wanted number of pods has
-- it, and these are available.
function rolledOut(obj, wanted, updated, available)
  local status = object(obj, "status")
  if status == nil or number(status, "observedGeneration", 0) ~= number(object(obj, "metadata"), "generation", 0) then
    return false
  end
  local current = number(status, updated, 0)
  return current >= wanted and number(status, available, 0) >= current
end
