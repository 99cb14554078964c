-- What the policies of Kyverno share: their status.

function reflectPolicy(obj)
  return reflect(obj, { "ready", "conditions", "autogen", "rulecount" })
end

-- A policy is ready when it is in every cluster that says so.
function aggregatePolicy(obj, items)
  local all, counts, ready = reports(items), {}, nil
  for i, report in ipairs(all) do
    counts[i] = { status = object(report.status, "rulecount") }
    if report.status.ready ~= nil and ready ~= false then
      ready = report.status.ready
    end
  end
  obj.status = { ready = ready, conditions = conditions(all), rulecount = {} }
  last(all, { "autogen" }, obj.status)
  sum(counts, { "validate", "generate", "mutate", "verifyimages" }, obj.status.rulecount)
  return obj
end

function policyHealthy(obj)
  local status = object(obj, "status")
  if status ~= nil and status.ready ~= nil then
    return status.ready
  end
  return at(condition(status, "Ready"), "reason") == "Succeeded"
end
