package execution

import "time"

// managedPatience is beyond what a watch gets to begin.
const managedPatience = time.Minute
