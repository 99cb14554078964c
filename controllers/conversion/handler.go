package conversion

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// Path is where Announce tells the API server to ask, below the URL of the webhooks.
const Path = "/convert"

// maxBytes bounds a question. The API server asks about a whole list at once: this is room for some
// ten thousand bindings.
const maxBytes = 128 << 20

// Handler answers the ConversionReviews of an API server.
func Handler() http.Handler { return http.HandlerFunc(serve) }

func serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "POST a ConversionReview", http.StatusMethodNotAllowed)
		return
	}
	review, status, err := read(w, r)
	if err != nil {
		http.Error(w, err.Error(), status)
		return
	}
	answer, err := json.Marshal(Review(review))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer) // who has hung up wants no answer
}

// read returns a review that has a request, or an error with its HTTP status.
func read(w http.ResponseWriter, r *http.Request) (*apiextensionsv1.ConversionReview, int, error) {
	review := &apiextensionsv1.ConversionReview{}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBytes)).Decode(review); err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("a review has at most %d bytes; list in pages", maxBytes)
		}
		return nil, http.StatusBadRequest, fmt.Errorf("the body must be a ConversionReview: %w", err)
	}
	want := apiextensionsv1.SchemeGroupVersion.WithKind("ConversionReview")
	if got := review.GroupVersionKind(); got != want {
		return nil, http.StatusBadRequest, fmt.Errorf("want a ConversionReview of %s, got %s of %s", want.GroupVersion(), got.Kind, got.GroupVersion())
	}
	if review.Request == nil {
		return nil, http.StatusBadRequest, errors.New("request: is missing, so there is nothing to convert")
	}
	return review, 0, nil
}
