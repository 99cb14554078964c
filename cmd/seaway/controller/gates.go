package controller

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// gate is a feature gate of Karmada that means something here.
type gate struct {
	alpha bool
	on    bool // when nobody says otherwise
}

var knownGates = map[string]gate{"Failover": {on: true}, "StatefulFailoverInjection": {alpha: true}}

// otherGates are accepted and mean nothing: see docs/karmada.md.
var otherGates = []string{
	"ContextualLogging", "ControllerPriorityQueue", "CustomizedClusterResourceModeling", "FederatedQuotaEnforcement", "GracefulEviction",
	"LoggingAlphaOptions", "LoggingBetaOptions", "MultiClusterService", "MultiplePodTemplatesScheduling", "PriorityBasedScheduling", "PropagateDeps",
	"PropagationPolicyPreemption", "ResourceQuotaEstimate", "SchedulingOvercommitProtection", "WorkloadAffinity",
}

// Gates that stand for all of a stage.
const (
	allAlpha = "AllAlpha"
	allBeta  = "AllBeta"
)

// gates is the flag --feature-gates: what it says, by gate. It is a pflag.Value.
type gates map[string]bool

// Set adds what the flag says.
func (g *gates) Set(text string) error {
	if *g == nil {
		*g = gates{}
	}
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		on, err := strconv.ParseBool(strings.TrimSpace(value))
		if !ok || err != nil {
			return fmt.Errorf("want Gate=true or Gate=false, not %q", part)
		}
		if all := gateNames(); !slices.Contains(all, name) {
			return fmt.Errorf("there is no gate %q; there are: %s", name, strings.Join(all, ", "))
		}
		(*g)[name] = on
	}
	return nil
}

func gateNames() []string {
	all := slices.AppendSeq(slices.Clone(otherGates), maps.Keys(knownGates))
	slices.Sort(all)
	return append(all, allAlpha, allBeta)
}

// String is the flag's value.
func (g *gates) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(*g)) {
		parts = append(parts, fmt.Sprintf("%s=%t", name, (*g)[name]))
	}
	return strings.Join(parts, ",")
}

// Type is how the flag's help calls its value.
func (g *gates) Type() string { return "gates" }

// on says whether a gate is on: by its own word, else by that for its stage, else by default.
func (g gates) on(name string) bool {
	if said, ok := g[name]; ok {
		return said
	}
	stage := allBeta
	if knownGates[name].alpha {
		stage = allAlpha
	}
	if said, ok := g[stage]; ok {
		return said
	}
	return knownGates[name].on
}
