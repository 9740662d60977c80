// SPDX-License-Identifier: Apache-2.0
//
// embed: mlsel inside a C++17 program. The class `selector` owns a model, throws instead of returning a status, and
// takes vectors; copy it and add what you need.
//
//     embed MODEL.json EMBEDDING.f32 CATEGORY
//     embed models/mlp_model.json queries.f32 math
// It ranks all language models for the first embedding of the file (raw float32).
//
// Build it with an installed mlsel: c++ -std=c++17 embed.cpp -o embed $(pkg-config --cflags --libs mlsel)
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <mlsel.h>

namespace {

/// What mlsel reports, as an exception.
class mlsel_failure : public std::runtime_error {
  public:
    explicit mlsel_failure(const mlsel_error &err) : std::runtime_error(err.message), status(err.code) {}
    mlsel_status status;
};

/// A loaded model. All members may be called from several threads at once.
class selector {
  public:
    explicit selector(const std::string &path) {
        mlsel_error err;
        mlsel_model *model = nullptr;
        check(mlsel_model_load(path.c_str(), nullptr, &model, &err), err);
        model_.reset(model);
        check(mlsel_model_get_info(model, &info_, sizeof info_, &err), err);
    }

    std::size_t embedding_size() const { return info_.n_features - info_.n_categories; }

    /// Name of a label; empty if the index is none.
    std::string label(std::int32_t index) const {
        const char *name = mlsel_model_label(model_.get(), index);
        return name == nullptr ? "" : name;
    }

    /// The feature vector: the embedding followed by the category.
    std::vector<float> compose(const std::vector<float> &embedding, const std::string &category) const {
        mlsel_error err;
        std::vector<float> features(info_.n_features);
        check(mlsel_features_compose(model_.get(), nullptr, embedding.data(), embedding.size(), category.c_str(),
                                     features.data(), features.size(), nullptr, &err),
              err);
        return features;
    }

    mlsel_selection select(const std::vector<float> &features) const {
        mlsel_error err;
        mlsel_selection best;
        check(mlsel_select(model_.get(), features.data(), features.size(), nullptr, &best, &err), err);
        return best;
    }

    /// One probability per label.
    std::vector<double> probabilities(const std::vector<float> &features) const {
        mlsel_error err;
        std::vector<double> v(info_.n_labels);
        check(mlsel_score(model_.get(), features.data(), features.size(), nullptr, v.data(), v.size(), &err), err);
        check(mlsel_probabilities(model_.get(), v.data(), v.size(), nullptr, v.data(), &err), err);
        return v;
    }

  private:
    struct release {
        void operator()(mlsel_model *model) const { mlsel_model_release(model); }
    };

    static void check(mlsel_status status, const mlsel_error &err) {
        if (status != MLSEL_OK)
            throw mlsel_failure(err);
    }

    std::unique_ptr<mlsel_model, release> model_;
    mlsel_model_info info_{};
};

std::vector<float> read_floats(const std::string &path, std::size_t n) {
    std::vector<float> values(n);
    std::ifstream file(path, std::ios::binary);
    if (!file.read(reinterpret_cast<char *>(values.data()), static_cast<std::streamsize>(n * sizeof(float))))
        throw std::runtime_error(path + ": cannot read " + std::to_string(n) + " float32 values");
    return values;
}

} // namespace

int main(int argc, char **argv) try {
    if (argc != 4) {
        std::fprintf(stderr, "usage: embed MODEL.json EMBEDDING.f32 CATEGORY\n");
        return 2;
    }
    const selector models(argv[1]);
    const std::vector<float> features = models.compose(read_floats(argv[2], models.embedding_size()), argv[3]);
    std::vector<std::pair<double, std::string>> ranking;
    for (const double probability : models.probabilities(features))
        ranking.emplace_back(probability, models.label(static_cast<std::int32_t>(ranking.size())));
    std::stable_sort(ranking.begin(), ranking.end(), [](const auto &a, const auto &b) { return a.first > b.first; });

    std::printf("chosen: %s\n", models.label(models.select(features).index).c_str());
    for (const auto &[probability, label] : ranking)
        std::printf("%.4f  %s\n", probability, label.c_str());
    return 0;
} catch (const std::exception &error) {
    std::fprintf(stderr, "embed: %s\n", error.what());
    return 1;
}
