/// The page that a hub shows in a browser: `page.html`, as it was when the program was built.
package enum PageSource {
    package static var html: [UInt8] { PackageResources.page_html }
}
