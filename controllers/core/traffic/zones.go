package traffic

import (
	"fmt"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// OverlappingZones returns, for each Zone that may not be served because it overlaps an older one,
// what to tell its owner. Two Zones overlap when their domains are the same or one lies inside the
// other. A Zone that is refused itself stands in nobody's way.
func OverlappingZones(zones []*trafficv1alpha1.Zone) map[string]string {
	out := map[string]string{}
	served := map[string]*trafficv1alpha1.Zone{} // by domain
	above := map[string]*trafficv1alpha1.Zone{}  // by domain and every domain above it
	for _, z := range byAge(zones) {
		other := above[z.Spec.Domain]
		for domain := range Domains(z.Spec.Domain) {
			if other == nil {
				other = served[domain]
			}
		}
		if other != nil {
			out[z.Name] = fmt.Sprintf("spec.domain: %q overlaps Zone %s (%s), which is older; delete one of the two",
				z.Spec.Domain, other.Name, other.Spec.Domain)
			continue
		}
		served[z.Spec.Domain] = z
		for domain := range Domains(z.Spec.Domain) {
			if above[domain] == nil {
				above[domain] = z
			}
		}
	}
	return out
}

// MergeRegionMaps makes one table of all RegionMaps. Where several name one region the oldest is
// used; the second result tells the owner of each of the others which regions that are.
func MergeRegionMaps(maps []*trafficv1alpha1.RegionMap) (Regions, map[string][]string) {
	regions, unused := Regions{}, map[string][]string{}
	owner := map[string]string{}
	for _, m := range byAge(maps) {
		for i, r := range m.Spec.Regions {
			if first, taken := owner[r.Name]; taken {
				unused[m.Name] = append(unused[m.Name],
					fmt.Sprintf("spec.regions[%d]: %q is defined by RegionMap %s, which is older", i, r.Name, first))
				continue
			}
			owner[r.Name] = m.Name
			regions[r.Name] = r
		}
	}
	return regions, unused
}
