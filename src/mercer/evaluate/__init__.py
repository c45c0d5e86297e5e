"""Is one search better than another: judgments, runs, reports and paired comparisons."""
