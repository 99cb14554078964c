package plugin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// Question is the body of what an endpoint is asked: a PlacementReviewRequest. The clusters are encoded
// once for each of their versions.
func Question(b *Binding, clusters []*Cluster) ([]byte, error) {
	binding, err := b.object()
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(binding)
	if err != nil {
		return nil, fmt.Errorf("encode the binding: %w", err)
	}
	var body bytes.Buffer
	fmt.Fprintf(&body, `{"apiVersion":%q,"kind":%q,"binding":`, trafficv1alpha1.GroupVersion.String(), trafficv1alpha1.KindPlacementReviewRequest)
	body.Write(encoded)
	body.WriteString(`,"clusters":[`)
	for i, c := range clusters {
		one, err := c.encoded()
		if err != nil {
			return nil, err
		}
		if i > 0 {
			body.WriteByte(',')
		}
		body.Write(one)
	}
	body.WriteString("]}")
	return body.Bytes(), nil
}

// Answer reads the body of an endpoint's answer: a PlacementReviewResponse. An error says what is wrong
// with it.
func Answer(body []byte, clusters []*Cluster) (map[string]placement.Opinion, error) {
	var response trafficv1alpha1.PlacementReviewResponse
	if err := json.Unmarshal(body, &response); err != nil {
		return nil, fmt.Errorf("the answer is no %s: %s", trafficv1alpha1.KindPlacementReviewResponse, sentence(err.Error()))
	}
	if v := trafficv1alpha1.GroupVersion.String(); response.APIVersion != v || response.Kind != trafficv1alpha1.KindPlacementReviewResponse {
		return nil, fmt.Errorf("the answer has apiVersion %q and kind %q; it must have %q and %q",
			sentence(response.APIVersion), sentence(response.Kind), v, trafficv1alpha1.KindPlacementReviewResponse)
	}
	said := make(map[string]placement.Opinion, len(response.Clusters))
	for name, o := range response.Clusters {
		opinion := placement.Opinion{Excluded: o.Excluded, Reason: o.Reason}
		if !o.Excluded {
			opinion.Score, _ = points(o.Score) // JSON has no NaN
		}
		said[name] = opinion
	}
	return Opinions(said, clusters), nil
}

// Opinions makes what an algorithm said fit to be used: only clusters that were asked about, scores from
// 0 to 100, and a reason in one short line for what is excluded.
func Opinions(said map[string]placement.Opinion, clusters []*Cluster) map[string]placement.Opinion {
	out := make(map[string]placement.Opinion, min(len(said), len(clusters)))
	for _, c := range clusters {
		o, ok := said[c.Name]
		switch {
		case !ok:
			continue
		case o.Excluded:
			o.Score, o.Reason = 0, sentence(o.Reason)
			if o.Reason == "" {
				o.Reason = "is excluded without a reason"
			}
		default:
			o.Score, o.Reason = min(max(o.Score, 0), maxScore), ""
		}
		if o != (placement.Opinion{}) {
			out[c.Name] = o
		}
	}
	return out
}

// sentence makes a text of others fit for a condition: one line, not long.
func sentence(text string) string { return cut(oneLine(text), 256) }

// shorten is for a value in an error.
func shorten(text string) string { return cut(text, 128) }

func cut(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " ")
}
