package placement

import "strings"

// peers judge clusters by the other bindings of the workload's affinity groups. Without any that is
// scheduled, every cluster passes.
type peers struct {
	affinity []Peer
	runs     map[string]int    // how many of affinity run in a cluster
	anti     map[string]string // a binding of the other group that runs in a cluster
	texts    map[string]string
}

func newPeers(g *Groups) peers {
	var out peers
	for _, p := range g.Affinity {
		if len(p.Clusters) == 0 {
			continue
		}
		if out.runs == nil {
			out.runs = map[string]int{}
		}
		for _, c := range p.Clusters {
			if out.runs[c] == len(out.affinity) { // else another has no place there, or this one was counted
				out.runs[c]++
			}
		}
		out.affinity = append(out.affinity, p)
	}
	for _, p := range g.AntiAffinity {
		for _, c := range p.Clusters {
			if out.anti == nil {
				out.anti = map[string]string{}
			}
			if _, known := out.anti[c]; !known {
				out.anti[c] = p.Name
			}
		}
	}
	return out
}

// judge: a cluster must run every other workload of the affinity group, and none of the
// anti-affinity group.
func (p *peers) judge(cluster string) (Filter, string) {
	if n := p.runs[cluster]; n < len(p.affinity) {
		return FilterWorkloadAffinity, p.text("does not run ", p.affinity[n].Name, " of the same affinity group")
	}
	if name, runs := p.anti[cluster]; runs {
		return FilterWorkloadAntiAffinity, p.text("runs ", name, " of the same anti-affinity group")
	}
	return "", ""
}

// text puts a sentence together once for all clusters.
func (p *peers) text(before, name, after string) string {
	if p.texts == nil {
		p.texts = map[string]string{}
	}
	key := before[:1] + name
	if p.texts[key] == "" {
		p.texts[key] = strings.Join([]string{before, name, after}, "")
	}
	return p.texts[key]
}
