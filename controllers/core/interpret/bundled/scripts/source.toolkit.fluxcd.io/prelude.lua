-- What the sources of Flux share: an artifact, a switch, and a condition Ready.

function Source(fields)
  return {
    -- status adds up fields of the sources of all clusters.
    aggregate = function(obj, items)
      local all, status = reports(items), statusOf(obj)
      last(all, fields, status)
      status.conditions = conditions(all)
      observe(obj, items)
      return obj
    end,
    -- healthy is a source whose artifact was fetched, which is said with one of the reasons.
    healthy = function(obj, reasons)
      local ready = condition(object(obj, "status"), "Ready")
      for _, reason in ipairs(reasons) do
        if ready ~= nil and ready.reason == reason then
          return true
        end
      end
      return false
    end,
    -- secrets are what the source logs in and verifies with.
    secrets = function(obj, paths)
      local references, need = needs(obj)
      for _, path in ipairs(paths) do
        need("Secret", at(object(obj, "spec"), unpack(path)))
      end
      return references, need
    end,
  }
end
