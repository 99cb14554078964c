package contract

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	searchv1alpha1 "github.com/seaway-io/seaway/api/search/v1alpha1"
)

// aggregated are the Go types of the kinds without a CRD.
var aggregated = map[string]reflect.Type{
	"Cluster":          reflect.TypeFor[clusterv1alpha1.Cluster](),
	"ResourceRegistry": reflect.TypeFor[searchv1alpha1.ResourceRegistry](),
}

// newer lists, by table, what the libraries we build with have beyond the contract.
// Every entry is an addition that no client of the contract can trip over.
var newer = map[string]struct {
	shortNames string            // instead of the contract's
	extra      []string          // paths, with everything below them
	relaxed    map[string]string // path to the validation instead of the contract's
}{
	// Kubernetes 1.36: conditions of a HorizontalPodAutoscaler say what they observed.
	"federatedhpa": {
		extra: []string{"status.conditions[].observedGeneration"},
	},
	// mcs-api v0.5: exported labels and annotations, conditions on imports, dual stack.
	"serviceexport": {
		shortNames: "svcex,svcexport",
		extra:      []string{"spec"},
	},
	"serviceimport": {
		shortNames: "svcim,svcimport",
		extra: []string{
			"spec.internalTrafficPolicy", "spec.ipFamilies", "spec.trafficDistribution",
			"status.conditions", "status.endpointSliceObjects",
		},
		relaxed: map[string]string{"spec.ips": "maxItems=2"},
	},
}

func TestManifestsKeepTheContract(t *testing.T) {
	tables := readFields(t)
	definitions := readManifests(t)
	for _, kind := range readKinds(t) {
		if kind.Served == "aggregated" {
			continue
		}
		t.Run(kind.Version+" "+kind.Kind, func(t *testing.T) {
			definition, ok := definitions[kind.Group+"/"+kind.Kind]
			if !ok {
				t.Fatalf("no CRD in %s: run make generate-api", manifests)
			}
			got, gotFields, err := read(definition, kind.Version)
			if err != nil {
				t.Fatal(err)
			}
			want, wantFields := kind, tables[kind.Fields]
			if known, ok := newer[kind.Fields]; ok {
				if known.shortNames != "" {
					want.ShortNames = known.shortNames
				}
				wantFields = allow(t, wantFields, gotFields, known.extra, known.relaxed)
			}
			want.Fields = ""
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("kind differs (-contract +manifest):\n%s", diff)
			}
			if diff := cmp.Diff(wantFields, gotFields); diff != "" {
				t.Errorf("fields differ (-contract +manifest):\n%s", diff)
			}
		})
	}
}

// allow returns the contract with what is known to be newer taken from the manifest.
func allow(t *testing.T, contract, manifest fields, extra []string, relaxed map[string]string) fields {
	t.Helper()
	out := fields{}
	for path, f := range contract {
		if validation, ok := relaxed[path]; ok {
			f.Validation = validation
		}
		out[path] = f
	}
	for _, prefix := range extra {
		if _, ok := manifest[prefix]; !ok {
			t.Errorf("%s is listed as newer and is not there: take it off the list", prefix)
		}
		for path, f := range manifest {
			if path == prefix || strings.HasPrefix(path, prefix+".") || strings.HasPrefix(path, prefix+"[") {
				out[path] = f
			}
		}
	}
	return out
}

func TestGoTypesKeepTheContract(t *testing.T) {
	tables := readFields(t)
	for _, kind := range readKinds(t) {
		if kind.Served != "aggregated" {
			continue
		}
		t.Run(kind.Kind, func(t *testing.T) {
			got := fields{}
			flattenType(aggregated[kind.Kind], "", got)
			for path := range got {
				if top, _, _ := strings.Cut(path, "."); top == "metadata" || top == "kind" || top == "apiVersion" {
					delete(got, path)
				}
			}
			want := fields{}
			for path, f := range tables[kind.Fields] {
				want[path] = field{Type: f.Type, Required: f.Required}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("fields differ (-contract +Go type):\n%s", diff)
			}
		})
	}
}

func TestNoKindIsOutsideTheContract(t *testing.T) {
	known := map[string]string{}
	for _, kind := range readKinds(t) {
		known[kind.Group+"/"+kind.Kind] = kind.Served
	}
	for name := range readManifests(t) {
		if strings.HasPrefix(name, "traffic.seaway.dev/") {
			continue // ours; no contract with Karmada's clients
		}
		if served, ok := known[name]; !ok || served == "aggregated" {
			t.Errorf("%s has a CRD and must not", name)
		}
	}
}

// TestManifestsOfWorksAreKeptWhole: the items of a list have no line in the tables.
func TestManifestsOfWorksAreKeptWhole(t *testing.T) {
	work := readManifests(t)["work.karmada.io/Work"]
	spec := work.Spec.Versions[0].Schema.Root.Properties["spec"]
	item := spec.Properties["workload"].Properties["manifests"].Items
	if item == nil || !item.PreserveUnknown || item.Type != "object" {
		t.Errorf("spec.workload.manifests[] = %+v, want any object", item)
	}
}

// read describes one version of a definition as the tables do.
func read(c crd, version string) (kindRow, fields, error) {
	names := c.Spec.Names
	if names.ListKind != names.Kind+"List" || names.Singular != strings.ToLower(names.Kind) {
		// The API server would fill in the same, so the mcs-api manifests leave it out.
		if names.ListKind != "" {
			return kindRow{}, nil, fmt.Errorf("list kind %q, singular %q", names.ListKind, names.Singular)
		}
	}
	for _, v := range c.Spec.Versions {
		if v.Name != version {
			continue
		}
		if !v.Served || v.Deprecated {
			return kindRow{}, nil, fmt.Errorf("served=%v deprecated=%v", v.Served, v.Deprecated)
		}
		row := kindRow{
			Group: c.Spec.Group, Version: v.Name, Kind: names.Kind, Plural: names.Plural, Scope: c.Spec.Scope,
			Served: "served", ShortNames: strings.Join(names.ShortNames, ","), Categories: strings.Join(names.Categories, ","),
		}
		if v.Storage {
			row.Served = "stored"
		}
		_, row.Status = v.Subresources["status"]
		if _, scale := v.Subresources["scale"]; scale {
			return kindRow{}, nil, fmt.Errorf("scale subresource")
		}
		for _, column := range v.Columns {
			row.Columns = append(row.Columns, fmt.Sprintf("%s:%s:%s:%d", column.Name, column.Type, column.JSONPath, column.Priority))
		}
		out := fields{}
		root := v.Schema.Root
		for _, meta := range []string{"apiVersion", "kind", "metadata"} {
			delete(root.Properties, meta)
		}
		flatten(root, "", out)
		return row, out, nil
	}
	return kindRow{}, nil, fmt.Errorf("no version %s", version)
}
