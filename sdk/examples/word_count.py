from drover_job import job, run


@job
def word_count(input, job):
    total = 0
    for number, page in enumerate(input["pages"], 1):
        job.raise_if_cancelled()
        words = len(page.split())
        total += words
        yield {"page": number, "words": words}
        job.progress(number / len(input["pages"]), f"page {number}")
    return {"words": total}


run()
