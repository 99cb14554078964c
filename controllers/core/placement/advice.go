package placement

// mostPoints bounds what one custom algorithm can give to one cluster, so that sums stay numbers.
const mostPoints = 1 << 40

// adviser applies what custom algorithms said.
type adviser struct {
	advice []Advice // those that did not fail
	names  []string // plugin/NAME of each
}

func newAdviser(all []Advice) (a adviser, bypassed []Bypass) {
	for _, one := range all {
		if one.Failed != "" {
			bypassed = append(bypassed, Bypass{Plugin: one.Plugin, Reason: one.Failed})
			continue
		}
		a.advice = append(a.advice, one)
		a.names = append(a.names, string(FilterPluginPrefix)+one.Plugin)
	}
	return a, bypassed
}

// judge names the first algorithm that excludes the cluster.
func (a *adviser) judge(cluster string) (Filter, string) {
	for i := range a.advice {
		if o := a.advice[i].Opinions[cluster]; o.Excluded {
			if o.Reason == "" {
				return Filter(a.names[i]), "is excluded"
			}
			return Filter(a.names[i]), o.Reason
		}
	}
	return "", ""
}

// score adds points to a verdict, and says how many.
func (a *adviser) score(v *Verdict) (sum int64) {
	for i := range a.advice {
		o, ok := a.advice[i].Opinions[v.Cluster]
		if !ok {
			continue
		}
		points := min(max(times(o.Score, a.advice[i].Weight), -mostPoints), mostPoints)
		if points == 0 {
			continue
		}
		sum += points
		// The scores of present targets are shared: never append in place.
		v.Scores = append(v.Scores[:len(v.Scores):len(v.Scores)], Score{Name: a.names[i], Points: points})
	}
	v.Score += sum
	return sum
}
