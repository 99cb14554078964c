package v1alpha1

import "bytes"

// JSON is any JSON value, kept as it was written. The zero value stands for a
// value that is absent or null.
type JSON struct {
	// Raw is the encoded value.
	Raw []byte `json:"-"`
}

var jsonNull = []byte("null")

// MarshalJSON implements json.Marshaler.
func (j JSON) MarshalJSON() ([]byte, error) {
	if len(j.Raw) == 0 {
		return jsonNull, nil
	}
	return j.Raw, nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (j *JSON) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || bytes.Equal(data, jsonNull) {
		j.Raw = nil
		return nil
	}
	j.Raw = bytes.Clone(data)
	return nil
}

// IsZero reports whether there is no value; encoding/json asks it for omitzero.
func (j JSON) IsZero() bool {
	return len(j.Raw) == 0
}

// OpenAPISchemaType tells openapi-gen that the value has no one type.
func (JSON) OpenAPISchemaType() []string {
	return nil
}

// OpenAPISchemaFormat tells openapi-gen that the value has no format.
func (JSON) OpenAPISchemaFormat() string {
	return ""
}
