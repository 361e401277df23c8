namespace Billing.PluginLoading;

public sealed class SdkVersionRuleTests
{
    [Theory]
    [InlineData("0.1.0", "0.1.0", null)]
    [InlineData("0.1.7", "0.1.0", null)]
    [InlineData("0.1.0-beta.2", "0.1.0", null)]
    [InlineData("0.1.0", "0.2.0", PluginRefusal.SdkMinorDiffers)]
    [InlineData("0.3.0", "0.2.0", PluginRefusal.SdkMinorDiffers)]
    [InlineData("0.9.0", "1.0.0", PluginRefusal.SdkMajorDiffers)]
    [InlineData("2.0.0", "1.9.0", PluginRefusal.SdkMajorDiffers)]
    [InlineData("1.4.0", "1.4.2", null)]
    [InlineData("1.0.0", "1.4.0", null)]
    [InlineData("1.5.0", "1.4.9", PluginRefusal.NewerSdkMinor)]
    [InlineData("", "1.0.0", PluginRefusal.SdkVersionUnreadable)]
    [InlineData("1.0", "1.0.0", PluginRefusal.SdkVersionUnreadable)]
    [InlineData("1.-1.0", "1.0.0", PluginRefusal.SdkVersionUnreadable)]
    [InlineData("one.0.0", "1.0.0", PluginRefusal.SdkVersionUnreadable)]
    public void A_plugin_runs_on_its_own_major_and_at_least_its_own_minor(string plugin, string host, PluginRefusal? refusal) =>
        Assert.Equal(refusal, SdkVersionRule.Check(plugin, host));
}
