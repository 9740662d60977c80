// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Config is the proxy's own configuration. Which model answers what is in the router's.
type Config struct {
	Listen           string              `json:"listen"`
	Router           string              `json:"router"` // relative to this file
	Embedding        Endpoint            `json:"embedding"`
	Models           map[string]Endpoint `json:"models"`             // by the name that a route serves
	FirstByteTimeout Duration            `json:"first_byte_timeout"` // until a model begins to answer
	IdleTimeout      Duration            `json:"idle_timeout"`       // between two parts of an answer
	RetryAfter       Duration            `json:"retry_after"`        // how long a model that failed is left alone
	MaxBodyBytes     int64               `json:"max_body_bytes"`     // of a request
}

// Endpoint is a server with OpenAI's API.
type Endpoint struct {
	URL       string   `json:"url"`         // up to and with /v1
	Model     string   `json:"model"`       // its name there; "": the name that a route serves
	APIKeyEnv string   `json:"api_key_env"` // environment variable that holds the key, if it wants one
	Timeout   Duration `json:"timeout"`     // of the embedding
}

// Duration is a time as in "2s".
type Duration time.Duration

// UnmarshalJSON reads a text such as "1m30s".
func (d *Duration) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("a duration is a text such as \"30s\", not %s", text)
	}
	parsed, err := time.ParseDuration(s)
	if err != nil {
		return err
	}
	if parsed <= 0 {
		return fmt.Errorf("the duration %q is not above 0", s)
	}
	*d = Duration(parsed)
	return nil
}

// ReadConfig reads a configuration and fills in what it leaves out.
func ReadConfig(path string) (*Config, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	c := &Config{
		Listen:           "127.0.0.1:8080",
		FirstByteTimeout: Duration(time.Minute),
		IdleTimeout:      Duration(30 * time.Second),
		RetryAfter:       Duration(10 * time.Second),
		MaxBodyBytes:     8 << 20,
	}
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if c.Router == "" {
		return nil, fmt.Errorf("%s: \"router\" is missing: name the router's configuration", path)
	}
	if !filepath.IsAbs(c.Router) {
		c.Router = filepath.Join(filepath.Dir(path), c.Router)
	}
	if c.Embedding.Timeout == 0 {
		c.Embedding.Timeout = Duration(2 * time.Second)
	}
	if err := c.Embedding.check(); err != nil {
		return nil, fmt.Errorf("%s: embedding: %w", path, err)
	}
	for name, endpoint := range c.Models {
		if err := endpoint.check(); err != nil {
			return nil, fmt.Errorf("%s: models: %s: %w", path, name, err)
		}
	}
	if len(c.Models) == 0 {
		return nil, fmt.Errorf("%s: \"models\" is empty: say where the models are", path)
	}
	return c, nil
}

func (e *Endpoint) check() error {
	u, err := url.Parse(e.URL)
	if err != nil {
		return err
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return fmt.Errorf("\"url\" is %q, expected one such as http://127.0.0.1:8001/v1", e.URL)
	}
	if e.APIKeyEnv != "" && os.Getenv(e.APIKeyEnv) == "" {
		return errors.New("the environment has no " + e.APIKeyEnv)
	}
	return nil
}

func (e *Endpoint) path(name string) string { return strings.TrimSuffix(e.URL, "/") + name }
