package controller

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"k8s.io/utils/ptr"

	"github.com/seaway-io/seaway/controllers/evict"
)

func TestEvictionFlags(t *testing.T) {
	byDefault := func(change func(*evict.Options)) evict.Options {
		o := evict.Options{TaintPurgeMode: "Gracefully", Timeout: 10 * time.Minute}
		if change != nil {
			change(&o)
		}
		return o
	}
	for name, tc := range map[string]struct {
		args string
		want evict.Options
		err  string
	}{
		"none":                         {"", byDefault(nil), ""},
		"taints evict":                 {"--enable-no-execute-taint-eviction", byDefault(func(o *evict.Options) { o.Taints = true }), ""},
		"taints evict, but for a gate": {"--enable-no-execute-taint-eviction --feature-gates=Failover=false", byDefault(nil), ""},
		"as Karmada's tests are run": {
			"--feature-gates=AllAlpha=true,AllBeta=true --enable-no-execute-taint-eviction=true",
			byDefault(func(o *evict.Options) { o.Taints, o.PreserveState = true, true }), "",
		},
		"a gate beats that for its stage": {"--feature-gates=AllAlpha=true,StatefulFailoverInjection=false", byDefault(nil), ""},
		"a gate without a meaning":        {"--feature-gates=GracefulEviction=false", byDefault(nil), ""},
		"a rate":                          {"--resource-eviction-rate=0.5", byDefault(func(o *evict.Options) { o.Rate = ptr.To[float32](0.5) }), ""},
		"a rate of zero":                  {"--resource-eviction-rate=0", byDefault(func(o *evict.Options) { o.Rate = ptr.To[float32](0) }), ""},
		"what has no effect": {
			"--failover-eviction-timeout=5m --secondary-resource-eviction-rate=0.1 --unhealthy-cluster-threshold=0.55 --large-cluster-num-threshold=10",
			byDefault(nil), "",
		},
		"a gate that does not exist": {"--feature-gates=Failovr=true", evict.Options{}, `there is no gate "Failovr"`},
		"a gate without a value":     {"--feature-gates=Failover", evict.Options{}, "want Gate=true or Gate=false"},
		"a mode that does not exist": {"--no-execute-taint-eviction-purge-mode=Never", evict.Options{}, "--no-execute-taint-eviction-purge-mode: want Gracefully or Directly"},
		"no time at all":             {"--graceful-eviction-timeout=0s", evict.Options{}, "--graceful-eviction-timeout: must be greater than 0"},
	} {
		t.Run(name, func(t *testing.T) {
			var e eviction
			fs := pflag.NewFlagSet("", pflag.ContinueOnError)
			fs.SetOutput(new(strings.Builder))
			e.addFlags(fs)
			err := fs.Parse(strings.Fields(tc.args))
			if err == nil {
				err = e.check()
			}
			if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Fatalf("error %v, want %q", err, tc.err)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(tc.want, e.options()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
