-- OpenKruise: jobs by the clock, of Kubernetes or of OpenKruise.

function AggregateStatus(obj, items)
  local all, status = reports(items), statusOf(obj)
  status.active = {}
  for _, report in ipairs(all) do
    for _, job in each(report.status, "active") do
      table.insert(status.active, job)
    end
  end
  last(all, { "type" }, status)
  status.lastScheduleTime = newest(statusesOf(all), "lastScheduleTime")
  return obj
end

function GetDependencies(obj)
  local template = object(obj, "spec", "template")
  return podNeeds(obj, {
    object(template, "broadcastJobTemplate", "spec", "template") or object(template, "jobTemplate", "spec", "template"),
  })
end
